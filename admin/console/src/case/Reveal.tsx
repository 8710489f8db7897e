import { EyeOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useEffect, useState } from "react";
import { useClient } from "urql";
import { serverNow } from "../api/clock";
import { REVEAL } from "../api/operations";
import { type Problem, problemOf, unexpectedProblem } from "../api/problem";
import type { Case } from "../api/types";
import { forgetDraft, keyOf } from "../forms/draft";
import { useSpeech } from "../language";
import { Confirm } from "../parts/Confirm";
import { ProblemNote } from "../parts/ErrorView";
import { NO_REASON, WhyFields } from "../parts/WhyFields";

/** Above a case's contents: what is shown once the reader says why, or how long it still is. */
export function RevealBar({
  shown,
  onAsk,
  onLapse,
}: {
  shown: Case;
  onAsk: () => void;
  onLapse: () => void;
}) {
  const { texts } = useSpeech();
  const { revealable, revealedUntil } = shown;
  if (revealable.length === 0 && !revealedUntil) return null;
  return (
    <div className="reveal-bar">
      {revealedUntil && <Countdown until={revealedUntil} onLapse={onLapse} />}
      {revealable.length > 0 && (
        <>
          <span>{texts.revealable(revealable.length)}</span>
          <Button size="small" icon={<EyeOutlined aria-hidden />} onClick={onAsk}>
            {texts.revealAll}
          </Button>
        </>
      )}
    </div>
  );
}

/** How long what was revealed is still shown, to the second; when it is over the case is asked for again. */
function Countdown({ until, onLapse }: { until: string; onLapse: () => void }) {
  const { texts } = useSpeech();
  const [left, setLeft] = useState(() => secondsTo(until));
  useEffect(() => {
    const timer = setInterval(() => setLeft(secondsTo(until)), 1000);
    return () => clearInterval(timer);
  }, [until]);
  const over = left <= 0;
  useEffect(() => {
    if (over) onLapse();
    // Once: the page asks again and is given another end, or none.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [over]);
  const shown = Math.max(0, left);
  const clock = `${Math.floor(shown / 60)}:${String(shown % 60).padStart(2, "0")}`;
  return (
    <span role="timer" className="reveal-left">
      {texts.revealedFor(clock)}
    </span>
  );
}

const secondsTo = (until: string): number => Math.ceil((Date.parse(until) - serverNow().getTime()) / 1000);

interface DialogProps {
  shown: Case;
  /** JSON pointers; none means all. */
  fields: string[];
  onDone: () => void;
  onCancel: () => void;
}

/** Asks why masked contents are wanted, and has them shown. */
export function RevealDialog({ shown, fields, onDone, onCancel }: DialogProps) {
  const { texts } = useSpeech();
  const client = useClient();
  const [why, setWhy] = useState(NO_REASON);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  const confirm = async (): Promise<void> => {
    const { reason, note } = why;
    const form = `access.reveal.${shown.id}.${reason}.${fields.join(",")}`;
    const asked = { case: shown.id, reason, fields: fields.length > 0 ? fields : null, note };
    setBusy(true);
    setProblem(null);
    const { data, error } = await client.mutation(REVEAL, { ...asked, key: keyOf(form) }).toPromise();
    setBusy(false);
    // Answered either way: the next time is another act.
    if (data ?? error?.graphQLErrors.length) forgetDraft(form);
    if (data?.access.revealCase) onDone();
    else setProblem(error ? problemOf(error, texts) : unexpectedProblem(texts, "empty"));
  };

  return (
    <Confirm
      title={texts.revealTitle}
      busy={busy}
      ready={why.reason !== ""}
      onConfirm={() => void confirm()}
      onCancel={onCancel}
    >
      <p>{texts.revealText}</p>
      <WhyFields
        reasons="RevealReason"
        reasonLabel={texts.revealReason}
        noteLabel={texts.revealNote}
        value={why}
        onChange={setWhy}
      />
      {problem && <ProblemNote problem={problem} />}
    </Confirm>
  );
}
