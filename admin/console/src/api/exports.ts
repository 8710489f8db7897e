/** The list of cases as a file. It is read here before it is saved, so that a part of one is never kept. */

import type { Texts } from "../texts";
import { type Asking, requestHeaders } from "./client";
import { networkProblem, type Problem, problemOfResponse } from "./problem";

export type ExportFormat = "csv" | "xlsx";

export interface ExportConditions {
  search: string | null;
  scene: string | null;
  open: boolean | null;
}

export interface Progress {
  /** Cases read so far; null where the whole is made before it is sent. */
  read: number | null;
  total: number;
}

export type Exported =
  { kind: "done"; file: Blob; name: string; count: number } | { kind: "failed"; problem: Problem };

const NEWLINE = 10;

export async function exportCases(
  format: ExportFormat,
  conditions: ExportConditions,
  asking: Asking,
  texts: Texts,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<Exported | null> {
  let begun = false;
  try {
    const response = await fetch("/exports/cases", {
      method: "POST",
      headers: { ...requestHeaders(asking), "Content-Type": "application/json" },
      credentials: "same-origin",
      body: JSON.stringify({ format, ...conditions }),
      signal,
    });
    if (!response.ok) return { kind: "failed", problem: await problemOfResponse(response, texts) };
    begun = true;
    const total = Number(response.headers.get("gongzhi-rows"));
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let lines = -1;
    onProgress({ read: format === "csv" ? 0 : null, total });
    for await (const chunk of chunksOf(response)) {
      chunks.push(chunk);
      for (const byte of chunk) if (byte === NEWLINE) lines += 1;
      if (format === "csv") onProgress({ read: Math.min(lines, total), total });
    }
    const type = response.headers.get("content-type") ?? "";
    return { kind: "done", file: new Blob(chunks, { type }), name: nameOf(response), count: total };
  } catch {
    if (signal.aborted) return null;
    const broken = {
      code: "broken_off",
      message: texts.exportBroken,
      remedy: texts.exportBrokenRemedy,
      where: "",
    };
    return { kind: "failed", problem: begun ? broken : networkProblem(texts) };
  }
}

/** Hand a file to the browser to keep. */
export function save(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

async function* chunksOf(response: Response): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = response.body?.getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/** The file's name in the reader's language (RFC 6266, `filename*`). */
function nameOf(response: Response): string {
  const header = response.headers.get("content-disposition") ?? "";
  const name = /filename\*=UTF-8''([^;]+)/.exec(header)?.[1];
  return name ? decodeURIComponent(name) : "cases";
}
