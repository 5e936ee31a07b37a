export {
  isAtWork,
  readStatuses,
  STATUS_FOLDER,
  type Stage3Role,
  type Stage3State,
  type Stage3Status,
  StatusFile,
} from './status-file.js';
