import { Alert, Button, Form, Input } from "antd";
import { useState } from "react";
import { Navigate, useLocation } from "react-router";
import { signIn } from "../api/auth";
import type { Problem, SecondStep } from "../api/problem";
import { DemoAccounts } from "./DemoAccounts";
import { Providers } from "./Providers";
import { SecondStepForm } from "./SecondStepForm";
import { useSpeech } from "../language";
import { useTitle } from "../parts/useTitle";
import { ProblemNote } from "../parts/ErrorView";
import { LanguageSwitch } from "../parts/LanguageSwitch";
import { useSession } from "../session";

interface Arrival {
  from?: string;
  expired?: boolean;
}

export function SignInPage() {
  const { language, texts } = useSpeech();
  const { state, refresh } = useSession();
  const arrival = (useLocation().state ?? {}) as Arrival;
  useTitle(texts.signInTitle);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [step, setStep] = useState<SecondStep | null>(null);

  if (state.kind === "signedIn") return <Navigate to={arrival.from ?? "/inbox"} replace />;

  const send = async (attempt: Promise<Problem | null>): Promise<void> => {
    setBusy(true);
    setProblem(null);
    const refused = await attempt;
    setBusy(false);
    if (refused?.secondStep) setStep(refused.secondStep);
    else if (refused) setProblem(refused);
    else refresh();
  };

  return (
    <main className="sign-in">
      <div className="sign-in-top">
        <span className="brand">
          <img src="/console/mark.svg" alt="" width="36" height="36" />
          <span>
            {texts.product}
            <small>{texts.productNote}</small>
          </span>
        </span>
        <LanguageSwitch />
      </div>
      <div className="sign-in-body">
        <section className="card" aria-labelledby="sign-in-title">
          <h1 id="sign-in-title">{texts.signInTitle}</h1>
          <p className="quiet">{texts.signInIntro}</p>
          {arrival.expired && <Alert type="warning" showIcon role="status" title={texts.sessionOver} />}
          {problem && <ProblemNote problem={problem} />}
          {step ? (
            <SecondStepForm step={step} onDone={refresh} onCancel={() => setStep(null)} />
          ) : (
            <>
              <Form<{ login: string; password: string }>
                layout="vertical"
                requiredMark={false}
                onFinish={({ login, password }) => {
                  // Fields that are disabled while it is sent would lose the focus for good.
                  if (!busy) void send(signIn(login, password, language, texts));
                }}
              >
                <Form.Item
                  name="login"
                  label={texts.login}
                  rules={[{ required: true, message: texts.loginNeeded }]}
                >
                  <Input autoComplete="username" autoCapitalize="none" size="large" />
                </Form.Item>
                <Form.Item
                  name="password"
                  label={texts.password}
                  rules={[{ required: true, message: texts.passwordNeeded }]}
                >
                  <Input.Password autoComplete="current-password" size="large" />
                </Form.Item>
                <Button type="primary" size="large" htmlType="submit" block loading={busy}>
                  {texts.signIn}
                </Button>
              </Form>
              <Providers to={arrival.from ?? "/inbox"} />
            </>
          )}
        </section>
        {!step && <DemoAccounts busy={busy} onChoose={(attempt) => void send(attempt)} />}
      </div>
    </main>
  );
}
