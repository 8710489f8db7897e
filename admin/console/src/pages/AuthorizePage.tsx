import { Button, Space } from "antd";
import { useEffect, useState } from "react";
import { useLocation } from "react-router";
import { answerTo, type Asked, isSentOn, whatIsAsked } from "../api/consent";
import type { Problem } from "../api/problem";
import { useSpeech } from "../language";
import { ErrorView, ProblemNote } from "../parts/ErrorView";
import { Facts } from "../parts/Facts";
import { Loading } from "../parts/Loading";
import { useTitle } from "../parts/useTitle";
import { useSignedIn } from "../session";

/** Asks a person whether an app may act in their name. Nothing is granted before they have said so. */
export function AuthorizePage() {
  const { language, texts } = useSpeech();
  const query = useLocation().search.slice(1);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useTitle(texts.authorizeTitle);

  useEffect(() => {
    let current = true;
    void whatIsAsked(query, language, texts).then((answer) => {
      if (!current) return;
      if (!answer.ok) setProblem(answer.problem);
      else if (isSentOn(answer.value)) window.location.assign(answer.value.redirect);
      else setAsked(answer.value);
    });
    return () => {
      current = false;
    };
  }, [query, language, texts]);

  if (problem) return <ErrorView problem={problem} />;
  if (!asked) return <Loading />;
  return <Question key={query} query={query} asked={asked} />;
}

function Question({ query, asked }: { query: string; asked: Asked }) {
  const { language, texts } = useSpeech();
  const { me } = useSignedIn();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  const answer = async (allow: boolean): Promise<void> => {
    setBusy(true);
    setProblem(null);
    const answered = await answerTo(query, allow, language, texts);
    if (answered.ok) {
      window.location.assign(answered.value.redirect);
      return;
    }
    setBusy(false);
    setProblem(answered.problem);
  };

  return (
    <section className="page page-form" aria-labelledby="authorize-title">
      <h1 id="authorize-title">{texts.authorizeAsk(asked.app[language])}</h1>
      <p className="quiet">{texts.authorizeIntro}</p>
      <div className="card">
        <Facts
          facts={[
            [texts.app, asked.app[language]],
            [texts.appOwner, asked.organ[language]],
            [texts.appReturnsTo, asked.returns_to],
            [texts.inTheNameOf, [me.name, me.organ.name].join(" · ")],
          ]}
        />
      </div>
      <section className="card" aria-labelledby="scopes-title">
        <h2 id="scopes-title">{texts.appWillBeAble}</h2>
        <Scopes scopes={asked.scopes} />
        <p className="quiet">{texts.appNever}</p>
      </section>
      {problem && <ProblemNote problem={problem} />}
      <Space>
        <Button type="primary" size="large" loading={busy} onClick={() => void answer(true)}>
          {texts.allow}
        </Button>
        <Button size="large" disabled={busy} onClick={() => void answer(false)}>
          {texts.deny}
        </Button>
      </Space>
    </section>
  );
}

/** Scopes in words, each with the code that the app asks with. */
export function Scopes({ scopes }: { scopes: Asked["scopes"] }) {
  const { language } = useSpeech();
  return (
    <ul className="scopes">
      {scopes.map((one) => (
        <li key={one.scope}>
          {one[language]} <code>{one.scope}</code>
        </li>
      ))}
    </ul>
  );
}
