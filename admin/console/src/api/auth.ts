/** Sign-in over plain HTTP: the session lives in an HttpOnly cookie that no script can read. */

import type { Language } from "../language";
import type { Texts } from "../texts";
import { requestHeaders } from "./client";
import { networkProblem, type Problem, problemOfResponse } from "./problem";

export interface DemoAccount {
  login: string;
  name: string;
  title: string;
  department: string;
  organ: { id: string; name: { zh: string; en: string } };
}

/** Somewhere else to sign in; `start` is where the browser goes. */
export interface SignInProvider {
  id: string;
  kind: "staff" | "citizen";
  title: { zh: string; en: string };
  start: string;
}

export type Answer<T> = { ok: true; value: T } | { ok: false; problem: Problem };

/** One request with the session's cookie, at one's own post; an answer, or what went wrong. */
export async function call<T>(
  method: "GET" | "POST",
  path: string,
  body: object | null,
  language: Language,
  texts: Texts,
): Promise<Answer<T>> {
  const json = { "Content-Type": "application/json" };
  try {
    const response = await fetch(path, {
      method,
      headers: { ...requestHeaders({ language }), ...(method === "POST" ? json : {}) },
      credentials: "same-origin",
      body: method === "POST" ? JSON.stringify(body ?? {}) : null,
    });
    if (!response.ok) return { ok: false, problem: await problemOfResponse(response, texts) };
    const text = await response.text();
    return { ok: true, value: (text ? JSON.parse(text) : null) as T };
  } catch {
    return { ok: false, problem: networkProblem(texts) };
  }
}

async function begin(path: string, body: object, language: Language, texts: Texts): Promise<Problem | null> {
  const answer = await call("POST", path, body, language, texts);
  return answer.ok ? null : answer.problem;
}

export const signIn = (login: string, password: string, language: Language, texts: Texts) =>
  begin("/auth/sign-in", { login, password }, language, texts);

/** The second step of a sign-in; answers recovery codes where it enrolled an app, for the only time. */
export const takeSecondStep = (code: string, language: Language, texts: Texts) =>
  call<{ recovery_codes: string[] }>("POST", "/auth/second-step", { code }, language, texts);

export const signInAsDemo = (login: string, language: Language, texts: Texts) =>
  begin("/auth/demo-sign-in", { login }, language, texts);

export const signOut = (language: Language, texts: Texts) =>
  call<null>("POST", "/auth/sign-out", null, language, texts);

/** End every session of this account, here and elsewhere; answers what went wrong. */
export const signOutEverywhere = (language: Language, texts: Texts) =>
  begin("/auth/sign-out-everywhere", {}, language, texts);

/** A live session of this account; `client` is the kind of browser and system, or empty. */
export interface OwnSession {
  id: string;
  client: string;
  begun_at: string;
  seen_at: string;
  expires_at: string;
  this: boolean;
}

/** The live sessions of this account, the one that asks first. */
export const ownSessions = (language: Language, texts: Texts) =>
  call<OwnSession[]>("GET", "/auth/sessions", null, language, texts);

/** End one of them; answers what went wrong. */
export const endSession = (id: string, language: Language, texts: Texts) =>
  begin(`/auth/sessions/${id}/end`, {}, language, texts);

/** The demo accounts in story order; none where this is no demo. */
export async function demoAccounts(language: Language, texts: Texts): Promise<DemoAccount[]> {
  const answer = await call<DemoAccount[]>("GET", "/auth/accounts", null, language, texts);
  return answer.ok ? answer.value : [];
}

/** The OIDC providers of this installation; none where it has none. */
export async function signInProviders(language: Language, texts: Texts): Promise<SignInProvider[]> {
  const answer = await call<SignInProvider[]>("GET", "/auth/providers", null, language, texts);
  return answer.ok ? answer.value : [];
}

/**
 * Whose the session of this page is by now: a login, `over`, or null where nobody could be asked. To ask does not keep
 * a session alive.
 */
export async function sessionStanding(): Promise<string | null> {
  try {
    const response = await fetch("/auth/session", { credentials: "same-origin", cache: "no-store" });
    if (response.status === 401 || response.status === 403) return "over";
    return response.ok ? ((await response.json()) as { login: string }).login : null;
  } catch {
    return null;
  }
}
