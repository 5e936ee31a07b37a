/** Post-copy under xl: what lives on when the save helpers have told libxl all, and what the operator can see of it. */
export { DomainWatch, isGone } from './domain-watch.js';
export { Guard } from './guard.js';
export { destroy, giveUp } from './lost-domain.js';
export { PagerStatus } from './pager-status.js';
export { RecordedSets } from './recorded-sets.js';
export { ServerStatus } from './server-status.js';
