/** Whose place a person may take today, and whose they have taken in this tab. Plain HTTP, like signing in. */

import type { Language } from "../language";
import type { Texts } from "../texts";
import { type Answer, call } from "./auth";

export interface Deputyship {
  id: string;
  /** Of the absent colleague, as are the department and the title. */
  name: string;
  department: string;
  title: string;
  /** The first day on which it no longer holds. */
  valid_to: string;
}

const CHOSEN = "gongzhi.deputyship";
const BY = "gongzhi.deputyship.by";

/** Asked at one's own post, whatever is chosen: a deputy's deputyships don't pass on. */
export const deputyshipsOf = (language: Language, texts: Texts): Promise<Answer<Deputyship[]>> =>
  call("GET", "/auth/deputyships", null, language, texts);

/** The id chosen in this tab, which outlives a reload. Empty at one's own post. */
export const chosenDeputyship = (): string => sessionStorage.getItem(CHOSEN) ?? "";

/** The login of who chose it: after a session has run out, somebody else may sign in to the same tab. */
export const choserOfDeputyship = (): string => sessionStorage.getItem(BY) ?? "";

export function keepChosen(id: string, login: string): void {
  sessionStorage.setItem(CHOSEN, id);
  sessionStorage.setItem(BY, login);
}

export function forgetChosen(): void {
  sessionStorage.removeItem(CHOSEN);
  sessionStorage.removeItem(BY);
}
