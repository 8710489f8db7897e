import { BellOutlined } from "@ant-design/icons";
import { Button, Input } from "antd";
import { useState } from "react";
import { useClient } from "urql";
import { NUDGE } from "../api/operations";
import { type Problem, problemOf, unexpectedProblem } from "../api/problem";
import type { Case } from "../api/types";
import { forgetDraft, keyOf } from "../forms/draft";
import { formatTime } from "../format";
import { useSpeech } from "../language";
import { Confirm } from "../parts/Confirm";
import { ProblemNote } from "../parts/ErrorView";
import { Time } from "../parts/Time";

/** The nudges that this organ may know of, and for those who supervise the case the button, or when there is one again. */
export function Nudges({ shown, onAsk }: { shown: Case; onAsk: () => void }) {
  const { language, texts } = useSpeech();
  return (
    <>
      <ul className="organs">
        {shown.nudges.map(({ id, at, from, to, reason }) => (
          <li key={id}>
            <Time at={at} /> · {from.name} → {to.name}
            {reason !== null && <p>{reason || texts.nudgeErased}</p>}
          </li>
        ))}
      </ul>
      {shown.nudgedUntil && (
        <p className="quiet">{texts.nudgedUntil(formatTime(shown.nudgedUntil, language))}</p>
      )}
      {shown.mayNudge && (
        <Button icon={<BellOutlined aria-hidden />} onClick={onAsk}>
          {texts.nudge}
        </Button>
      )}
    </>
  );
}

/** Asks why, and reminds those who must act in the case. */
export function NudgeDialog({
  shown,
  onDone,
  onCancel,
}: {
  shown: Case;
  onDone: () => void;
  onCancel: () => void;
}) {
  const { texts } = useSpeech();
  const client = useClient();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  const confirm = async (): Promise<void> => {
    const form = `supervision.nudge.${shown.id}.${reason}`;
    setBusy(true);
    setProblem(null);
    const { data, error } = await client
      .mutation(NUDGE, { case: shown.id, reason, key: keyOf(form) })
      .toPromise();
    setBusy(false);
    // Answered either way: the next time is another act.
    if (data ?? error?.graphQLErrors.length) forgetDraft(form);
    if (data?.supervision.nudge) onDone();
    else setProblem(error ? problemOf(error, texts) : unexpectedProblem(texts, "empty"));
  };

  return (
    <Confirm
      title={texts.nudge}
      busy={busy}
      ready={reason.trim() !== ""}
      onConfirm={() => void confirm()}
      onCancel={onCancel}
    >
      <p>{texts.nudgeText}</p>
      <label>
        {texts.nudgeReason}
        <Input.TextArea
          rows={3}
          maxLength={500}
          value={reason}
          onChange={({ target }) => setReason(target.value)}
        />
      </label>
      {problem && <ProblemNote problem={problem} />}
    </Confirm>
  );
}
