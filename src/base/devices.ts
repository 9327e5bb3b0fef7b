// On what something was computed that is finished piece by piece: where that is more than one device, the last bits are no single one's.

/** Devices in the order in which they took part; null where an earlier version did not write them down. */
export type Devices = readonly string[] | null;

export function withDevice(devices: Devices, device: string | null): Devices {
  return devices === null || device === null || devices.includes(device) ? devices : [...devices, device];
}

/** Whether another had a part in it. */
export function othersThan(device: string | null, devices: Devices): boolean {
  return device !== null && (devices ?? []).some((one) => one !== device);
}
