/** Pages that are missing until the guest wants them: memory paging. */
export { pagingBuiltIn } from './built-in.js';
export { XenDemandPaging } from './demand-paging.js';
export { mapAround } from './map-around.js';
export { NoDemandPaging } from './none.js';
export { PagesOut } from './pages-out.js';
