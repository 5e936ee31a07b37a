/** What belongs to xenferry itself. */
import { SOCKET } from '../../standby/index.js';
import { needed, no, wanted, yes } from '../finding.js';

export const saveHelper = needed('helper', 'save helper', ({ helper: { path, problem, remedy = '' }, node }) => {
  if (problem !== undefined) return no(problem, remedy);
  if (node.path !== undefined) return yes(path);
  return no(
    `${path}, but node is not in the PATH`,
    'put Node.js 20 or later in the PATH of whoever starts xl or libvirtd',
  );
});

export const addon = needed('addon', 'native addon', ({ addon: { built, problem } }) => {
  if (problem !== undefined) return no(problem, 'build it again: npm run build:native');
  return built ? yes('built') : no('not built', 'install g++, make and Python 3, and run npm run build:native');
});

export const architecture = needed('arch', 'x86, 64 bit', ({ arch }) =>
  arch === 'x64' ? yes(arch) : no(arch, 'xenferry migrates domains of x86 hosts only'),
);

export const standby = wanted('standby', 'helpers that stand by', ({ standby }) =>
  standby
    ? yes(`at ${SOCKET}`)
    : no('none', 'run xenferry standby as a service (docs/xen.md): migrations then begin without Node starting first'),
);
