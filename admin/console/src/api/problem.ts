/** What went wrong, in the form that the server's errors have; the console adds only its own two. */

import type { CombinedError } from "@urql/core";
import type { Texts } from "../texts";

export interface Problem {
  code: string;
  message: string;
  remedy: string;
  where: string;
  /** What has to follow a password that was right. */
  secondStep?: SecondStep;
}

/** A code of the authenticator app; with a secret, the app has to learn that first. `picture` is a QR code. */
export type SecondStep = { kind: "code" } | { kind: "enrol"; secret: string; picture: string };

/** The deputyship under which something was asked holds no longer. */
export const NOT_DEPUTY = "not_deputy";

/** Past a limit of requests: nothing is wrong with the session. */
export const TOO_MANY = "too_many_requests";

export const SIGNED_OUT = ["sign_in_required", "token_stale"];

interface Extensions {
  code?: unknown;
  remedy?: unknown;
  where?: unknown;
}

const word = (value: unknown): string => (typeof value === "string" ? value : "");

export const networkProblem = (texts: Texts): Problem => ({
  code: "network",
  message: texts.network,
  remedy: texts.networkRemedy,
  where: "",
});

export const unexpectedProblem = (texts: Texts, code: string): Problem => ({
  code,
  message: texts.unexpected,
  remedy: texts.unexpectedRemedy,
  where: "",
});

/** The first error of a GraphQL reply; a reply that never came is the network's. */
export function problemOf(error: CombinedError, texts: Texts): Problem {
  const first = error.graphQLErrors[0];
  if (first) {
    const extensions = first.extensions as Extensions;
    return {
      code: word(extensions.code) || "graphql",
      message: first.message,
      remedy: word(extensions.remedy),
      where: word(extensions.where),
    };
  }
  const response = error.response as Response | undefined;
  if (!response) return networkProblem(texts);
  return unexpectedProblem(texts, `http_${response.status}`);
}

type Body = Partial<Problem> & { second_step?: SecondStep };

/** The body of a refused HTTP request. */
export async function problemOfResponse(response: Response, texts: Texts): Promise<Problem> {
  const body = (await response.json().catch(() => null)) as Body | null;
  if (!body?.code || !body.message) return unexpectedProblem(texts, `http_${response.status}`);
  return {
    code: body.code,
    message: body.message,
    remedy: word(body.remedy),
    where: word(body.where),
    ...(body.second_step ? { secondStep: body.second_step } : {}),
  };
}

export const isSignedOut = (problem: Problem): boolean =>
  SIGNED_OUT.includes(problem.code) || problem.code === "http_401";
