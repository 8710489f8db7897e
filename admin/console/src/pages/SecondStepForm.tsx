import { Alert, Button, Form, Input } from "antd";
import { useState } from "react";
import { takeSecondStep } from "../api/auth";
import type { Problem, SecondStep } from "../api/problem";
import { useSpeech } from "../language";
import { ProblemNote } from "../parts/ErrorView";

interface Props {
  step: SecondStep;
  /** The session has begun. */
  onDone: () => void;
  onCancel: () => void;
}

/** What follows an administrator's password: a code, after the app has been enrolled where it wasn't. */
export function SecondStepForm({ step, onDone, onCancel }: Props) {
  const { language, texts } = useSpeech();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [recovery, setRecovery] = useState<string[]>([]);

  const send = async (code: string): Promise<void> => {
    setBusy(true);
    setProblem(null);
    const answer = await takeSecondStep(code, language, texts);
    setBusy(false);
    if (!answer.ok) setProblem(answer.problem);
    else if (answer.value.recovery_codes.length > 0) setRecovery(answer.value.recovery_codes);
    else onDone();
  };

  if (recovery.length > 0)
    return (
      <>
        <Alert type="warning" showIcon title={texts.recoveryIntro} />
        <ul className="recovery-codes" aria-label={texts.recoveryCodes}>
          {recovery.map((code) => (
            <li key={code}>
              <code>{code}</code>
            </li>
          ))}
        </ul>
        <Button type="primary" size="large" block onClick={onDone}>
          {texts.recoveryKept}
        </Button>
      </>
    );

  return (
    <>
      {problem && <ProblemNote problem={problem} />}
      {step.kind === "enrol" && (
        <div className="enrolment">
          <p>{texts.enrolIntro}</p>
          <img src={step.picture} alt={texts.enrolPicture} width="205" height="205" />
          <p className="quiet">
            {texts.enrolByHand} <code>{step.secret}</code>
          </p>
        </div>
      )}
      <Form<{ code: string }>
        layout="vertical"
        requiredMark={false}
        onFinish={({ code }) => {
          if (!busy) void send(code);
        }}
      >
        <Form.Item
          name="code"
          label={step.kind === "enrol" ? texts.firstCode : texts.code6}
          rules={[{ required: true, message: texts.codeNeeded }]}
        >
          <Input autoComplete="one-time-code" autoFocus inputMode="text" size="large" />
        </Form.Item>
        <Button type="primary" size="large" htmlType="submit" block loading={busy}>
          {texts.signIn}
        </Button>
      </Form>
      <Button type="link" onClick={onCancel}>
        {texts.otherAccount}
      </Button>
    </>
  );
}
