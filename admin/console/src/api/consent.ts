/** An app's request to act in a person's name: what it asks for, and the person's answer. Plain HTTP, like signing in. */

import type { Language } from "../language";
import type { Texts } from "../texts";
import { type Answer, call } from "./auth";

type BothLanguages = Record<Language, string>;

export interface Asked {
  app: BothLanguages;
  organ: BothLanguages;
  returns_to: string;
  scopes: ({ scope: string } & BothLanguages)[];
}

/** Where the app wants the person back; what happens there is the app's. */
export interface SentOn {
  redirect: string;
}

export const isSentOn = (value: Asked | SentOn): value is SentOn => "redirect" in value;

export const whatIsAsked = (
  query: string,
  language: Language,
  texts: Texts,
): Promise<Answer<Asked | SentOn>> => call("GET", `/auth/consent?${query}`, null, language, texts);

export const answerTo = (
  query: string,
  allow: boolean,
  language: Language,
  texts: Texts,
): Promise<Answer<SentOn>> => call("POST", "/auth/consent", { request: query, allow }, language, texts);
