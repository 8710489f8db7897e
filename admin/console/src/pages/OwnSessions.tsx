import { Button } from "antd";
import { useEffect, useState } from "react";
import { endSession, type OwnSession, ownSessions } from "../api/auth";
import type { Problem } from "../api/problem";
import { useSpeech } from "../language";
import { ProblemNote } from "../parts/ErrorView";
import { Facts } from "../parts/Facts";
import { Time } from "../parts/Time";
import { SignOutEverywhere } from "./SignOutEverywhere";

/** Where this person is signed in, and how to end that: one by one, or all at once. */
export function OwnSessions() {
  const { language, texts } = useSpeech();
  const [sessions, setSessions] = useState<OwnSession[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);

  const [turn, setTurn] = useState(0);

  useEffect(() => {
    let current = true;
    void ownSessions(language, texts).then((answer) => {
      if (!current) return;
      if (answer.ok) setSessions(answer.value);
      else setProblem(answer.problem);
    });
    return () => {
      current = false;
    };
  }, [language, texts, turn]);

  const end = async (id: string): Promise<void> => {
    setProblem(await endSession(id, language, texts));
    setTurn((count) => count + 1);
  };

  return (
    <section className="card" aria-labelledby="sessions-title">
      <h2 id="sessions-title">{texts.sessionsTitle}</h2>
      <p className="quiet">{texts.sessionsIntro}</p>
      {problem && <ProblemNote problem={problem} />}
      <ul className="rows">
        {sessions.map((session) => (
          <Row key={session.id} session={session} onEnd={() => end(session.id)} />
        ))}
      </ul>
      <SignOutEverywhere />
    </section>
  );
}

function Row({ session, onEnd }: { session: OwnSession; onEnd: () => Promise<void> }) {
  const { texts } = useSpeech();
  const [busy, setBusy] = useState(false);
  const name = session.client || texts.clientUnknown;
  return (
    <li className="row">
      <div className="row-head">
        <h3>{name}</h3>
        {session.this && <span className="tag">{texts.thisSession}</span>}
      </div>
      <Facts
        facts={[
          [texts.sessionBegun, <Time key="begun" at={session.begun_at} />],
          [texts.sessionSeen, <Time key="seen" at={session.seen_at} />],
        ]}
      />
      {!session.this && (
        <div className="row-foot">
          <Button
            size="small"
            aria-label={texts.endSessionOf(name)}
            loading={busy}
            onClick={() => {
              setBusy(true);
              void onEnd().finally(() => setBusy(false));
            }}
          >
            {texts.endSession}
          </Button>
        </div>
      )}
    </li>
  );
}
