/** Xen's own verify-stream-v2 on what `xl save` wrote: the whole, and libxc's stream inside it. */
import type { Bench } from '../../run/step.js';

/** Debian keeps Xen's Python modules where only its own scripts look. */
const VERIFY = 'PYTHONPATH=$(echo /usr/lib/xen-4.*/lib/python) $(echo /usr/lib/xen-4.*/bin/verify-stream-v2)';

const LIBXC_AT = 'python3 /xenferry/test/xen-lab/inside/libxc-offset.py';

export async function verifyImage(bench: Bench, image: string): Promise<void> {
  const { dom0 } = bench;
  const whole = await dom0.exec(`${VERIFY} -i ${image} -f xl`, { timeoutS: 200 });
  bench.result({ name: 'verify-stream-v2 -f xl', ok: whole.code === 0, detail: whole.output });
  const libxc = `tail -c +$(($(${LIBXC_AT} ${image}) + 1)) ${image} > ${image}.libxc && ${VERIFY} -i ${image}.libxc -f libxc`;
  // Behind libxc's END stand libxl's records, which this format does not know.
  const inside = await dom0.exec(`${libxc}; status=$?; rm -f ${image}.libxc; exit $status`, { timeoutS: 200 });
  bench.result({ name: 'verify-stream-v2 -f libxc', ok: inside.code === 0, detail: inside.output });
}
