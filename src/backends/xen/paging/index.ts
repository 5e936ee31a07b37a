/** Pages that are missing until the guest wants them: memory paging. */
export { pagingBuiltIn } from './built-in.js';
export { XenDemandPaging } from './demand-paging.js';
export { NoDemandPaging } from './none.js';
