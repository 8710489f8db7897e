import { Button } from "antd";
import { useState } from "react";
import { signOutEverywhere } from "../api/auth";
import type { Problem } from "../api/problem";
import { useSpeech } from "../language";
import { ProblemNote } from "../parts/ErrorView";
import { useSession } from "../session";

/** For whoever forgot to sign out somewhere: ends all of this person's sessions, this one among them. */
export function SignOutEverywhere() {
  const { language, texts } = useSpeech();
  const { leave } = useSession();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  const send = async (): Promise<void> => {
    setBusy(true);
    const refused = await signOutEverywhere(language, texts);
    setBusy(false);
    if (refused) setProblem(refused);
    else leave();
  };

  return (
    <>
      <p className="quiet">{texts.everywhereIntro}</p>
      {problem && <ProblemNote problem={problem} />}
      <Button loading={busy} onClick={() => void send()}>
        {texts.signOutEverywhere}
      </Button>
    </>
  );
}
