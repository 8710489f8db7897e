import { Alert, Button } from "antd";
import { useEffect, useRef, useState } from "react";
import { type ExportConditions, exportCases, type ExportFormat, type Progress, save } from "../api/exports";
import type { Problem } from "../api/problem";
import { useTexts } from "../language";
import { useAsking, useSession } from "../session";
import { ProblemNote } from "./ErrorView";

type State =
  | { kind: "idle" }
  | { kind: "running"; progress: Progress | null }
  | { kind: "done"; count: number }
  | { kind: "failed"; problem: Problem; format: ExportFormat };

/** The list below its conditions as a file, while its reader waits and sees how far it is. */
export function ExportCases({ conditions, empty }: { conditions: ExportConditions; empty: boolean }) {
  const texts = useTexts();
  const asking = useAsking();
  const { check, heed } = useSession();
  const [state, setState] = useState<State>({ kind: "idle" });
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  const start = async (format: ExportFormat): Promise<void> => {
    const stop = new AbortController();
    running.current = stop;
    setState({ kind: "running", progress: null });
    const exported = await exportCases(format, conditions, asking, texts, stop.signal, (progress) =>
      setState({ kind: "running", progress }),
    );
    if (!exported) {
      setState({ kind: "idle" });
      return;
    }
    if (exported.kind === "failed") {
      setState({ kind: "failed", problem: exported.problem, format });
      // Perhaps the session is over; then the page to sign in says so.
      check();
      heed(exported.problem);
      return;
    }
    save(exported.file, exported.name);
    setState({ kind: "done", count: exported.count });
  };

  if (state.kind === "running")
    return (
      <div className="export" role="status">
        <progress
          aria-label={texts.exporting}
          {...(state.progress?.read == null ? {} : { value: state.progress.read, max: state.progress.total })}
        />
        <span className="quiet">{said(state.progress, texts.exporting)}</span>
        <Button size="small" onClick={() => running.current?.abort()}>
          {texts.cancel}
        </Button>
      </div>
    );
  return (
    <>
      <div className="export" role="group" aria-label={texts.exportList}>
        <Button size="small" disabled={empty} onClick={() => void start("xlsx")}>
          {texts.exportExcel}
        </Button>
        <Button size="small" disabled={empty} onClick={() => void start("csv")}>
          {texts.exportCsv}
        </Button>
      </div>
      {state.kind === "done" && (
        <Alert type="success" showIcon role="status" title={texts.exportDone(state.count)} />
      )}
      {state.kind === "failed" && (
        <ProblemNote problem={state.problem} onRetry={() => void start(state.format)} />
      )}
    </>
  );
}

function said(progress: Progress | null, exporting: string): string {
  if (!progress) return exporting;
  return progress.read == null
    ? `${exporting} ${progress.total}`
    : `${exporting} ${progress.read} / ${progress.total}`;
}
