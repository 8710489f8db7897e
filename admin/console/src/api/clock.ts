/** The server's time: deadlines go by its clock, and this machine's may be wrong. */

let aheadMs = 0;

/** Take the time from a fresh answer; operations whose dates are compared with the present ask for `now`. */
export function hearTime(data: unknown): void {
  const now: unknown = (data as { now?: unknown } | null | undefined)?.now;
  if (typeof now === "string") aheadMs = Date.parse(now) - Date.now();
}

export const serverNow = (): Date => new Date(Date.now() + aheadMs);
