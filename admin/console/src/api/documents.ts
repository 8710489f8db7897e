/** The document of a letter as a file: a link can't say in whose place its reader acts, a request can. */

import type { Texts } from "../texts";
import type { Answer } from "./auth";
import { type Asking, requestHeaders } from "./client";
import { networkProblem, problemOfResponse } from "./problem";

export async function documentAt(url: string, asking: Asking, texts: Texts): Promise<Answer<Blob>> {
  try {
    const response = await fetch(url, { headers: requestHeaders(asking), credentials: "same-origin" });
    if (!response.ok) return { ok: false, problem: await problemOfResponse(response, texts) };
    return { ok: true, value: await response.blob() };
  } catch {
    return { ok: false, problem: networkProblem(texts) };
  }
}
