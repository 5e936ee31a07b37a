/** State records of a PV domain that has suspended itself (tools/libs/guest/xg_sr_save_x86_pv.c). */
import { type StateRecord, StateRecordType } from '../../backend.js';
import { encodeTscInfo } from '../platform-state/tsc-info.js';
import type { Session } from '../session.js';
import type { PvControl } from './control.js';
import { badGuest } from './errors.js';
import type { Frames } from './frame-maps.js';
import { encodeP2mFrames, encodeVcpu } from './records.js';
import { contextToStream } from './vcpu-context.js';

/** Where the P2M lies, as pfns. */
export function p2mRecord({ p2m, leaves }: Frames): StateRecord {
  return { type: StateRecordType.X86_PV_P2M_FRAMES, body: encodeP2mFrames(p2m.length, leaves) };
}

/** Clock, shared_info and vCPUs, in stream order. */
export function saveState(session: Session, control: PvControl, domid: number, frames: Frames): StateRecord[] {
  const records: StateRecord[] = [
    { type: StateRecordType.X86_TSC_INFO, body: encodeTscInfo(session.control.tscInfo(domid)) },
    { type: StateRecordType.SHARED_INFO, body: Buffer.from(frames.sharedInfo.subarray(0, 4096)) },
  ];
  const { vcpus } = session.domain(domid);
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    if (control.vcpuOnline(vcpu)) records.push(...saveVcpu(session, control, domid, frames, vcpu));
  }
  return records;
}

function saveVcpu(
  session: Session,
  control: PvControl,
  domid: number,
  { m2p, p2m }: Frames,
  vcpu: number,
): StateRecord[] {
  const out = new Uint32Array(1);
  const context = control.vcpuContext(vcpu);
  contextToStream(context, vcpu, (mfn, _use, what) => {
    if (session.ops.physicalFrames(m2p, p2m, BigUint64Array.of(mfn), out) === 1) return BigInt(out[0]);
    throw badGuest(domid, `${what} of vCPU ${vcpu} is mfn 0x${mfn.toString(16)}, which is not its own`);
  });
  const blobs: readonly [type: number, blob: Buffer][] = [
    [StateRecordType.X86_PV_VCPU_BASIC, context],
    [StateRecordType.X86_PV_VCPU_EXTENDED, control.vcpuExtended(vcpu)],
    [StateRecordType.X86_PV_VCPU_XSAVE, control.vcpuXsave(vcpu)],
    [StateRecordType.X86_PV_VCPU_MSRS, control.vcpuMsrs(vcpu)],
  ];
  return blobs.filter(([, { length }]) => length > 0).map(([type, blob]) => ({ type, body: encodeVcpu(vcpu, blob) }));
}
