/** What a form holds between attempts: its idempotency key and, in memory only, what was filled in.
 *
 * The key outlives a reload (it says nothing about anybody), so that a report whose answer was lost is recognised
 * when it is sent again. What was filled in may be personal and never leaves memory.
 */

import type { JsonObject } from "../api/types";

const PREFIX = "gongzhi.key.";
const drafts = new Map<string, JsonObject>();

/** The key under which this form is sent until it has been done. */
export function keyOf(form: string): string {
  const stored = sessionStorage.getItem(PREFIX + form);
  if (stored) return stored;
  const fresh = randomKey();
  sessionStorage.setItem(PREFIX + form, fresh);
  return fresh;
}

/** 128 random bits, hex; `randomUUID` exists only on https and on loopback. */
export const randomKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );

export const draftOf = (form: string): JsonObject | undefined => drafts.get(form);

export function keepDraft(form: string, data: JsonObject): void {
  drafts.set(form, data);
}

/** The form is done, or starts afresh: what comes next is another act. */
export function forgetDraft(form: string): void {
  drafts.delete(form);
  sessionStorage.removeItem(PREFIX + form);
}

export function forgetDrafts(): void {
  drafts.clear();
  const keys = Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
  for (const key of keys) sessionStorage.removeItem(key);
}
