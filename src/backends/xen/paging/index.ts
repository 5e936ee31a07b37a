/** Pages that are missing until the guest wants them: memory paging. */
export { pagingBuiltIn } from './built-in.js';
export { NoDemandPaging } from './none.js';
