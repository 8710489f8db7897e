import { Alert } from "antd";
import { type ReactNode, useState } from "react";
import { useLocation, useNavigate, useParams, useSearchParams } from "react-router";
import { useQuery } from "urql";
import { unattended } from "../api/client";
import { caseIdOf } from "../api/ids";
import { CASE } from "../api/operations";
import { problemOf } from "../api/problem";
import type { ActResult, Case } from "../api/types";
import { Clocks } from "../case/Clocks";
import { Details } from "../case/Details";
import { Letters } from "../case/Letters";
import { NextSteps } from "../case/NextSteps";
import { NudgeDialog, Nudges } from "../case/Nudges";
import { RevealBar, RevealDialog } from "../case/Reveal";
import { Timeline } from "../case/Timeline";
import { formatTime } from "../format";
import { useSpeech } from "../language";
import { useLive } from "../live";
import { Elsewhere, useAsking } from "../session";
import { useTitle } from "../parts/useTitle";
import { ErrorView } from "../parts/ErrorView";
import { Facts } from "../parts/Facts";
import { Loading } from "../parts/Loading";
import { States } from "../parts/States";
import { Time } from "../parts/Time";
import { NotFoundPage } from "./NotFoundPage";

const DIVISION = /^\d{6}$/;

export function CasePage() {
  const at = useSearchParams()[0].get("at") ?? "";
  if (!DIVISION.test(at)) return <OneCase />;
  return (
    <Elsewhere division={at}>
      <OneCase />
    </Elsewhere>
  );
}

function OneCase() {
  const { texts } = useSpeech();
  const asking = useAsking();
  const { id = "" } = useParams();
  const [{ data, error, fetching }, reload] = useQuery({
    query: CASE,
    variables: { id: caseIdOf(id) },
    requestPolicy: "network-only",
  });
  const refresh = () => reload({ requestPolicy: "network-only" });
  useLive(() => reload(unattended(asking)));
  if (data?.case) return <Sheet key={data.case.id} shown={data.case} refresh={refresh} />;
  if (fetching) return <Loading />;
  if (error) return <ErrorView problem={problemOf(error, texts)} onRetry={refresh} />;
  return <NotFoundPage />;
}

function Sheet({ shown, refresh }: { shown: Case; refresh: () => void }) {
  const { language, texts } = useSpeech();
  const navigate = useNavigate();
  const location = useLocation();
  useTitle(shown.title);
  const [asked, setAsked] = useState<string[] | null>(null);
  const [nudging, setNudging] = useState(false);
  const nudged = (): void => {
    setNudging(false);
    void navigate(location.pathname + location.search, { replace: true, state: { flash: texts.nudged } });
    refresh();
  };
  const revealed = (): void => {
    setAsked(null);
    refresh();
  };
  const done = (title: string, result: ActResult): void => {
    const said = result.replayed ? texts.doneBefore(title) : texts.done(title);
    // What closes a case may seal it at once, for those who closed it too.
    void navigate(result.case ? location.pathname + location.search : "/cases", {
      replace: true,
      state: { flash: said },
    });
    if (result.case) refresh();
  };

  return (
    <article className="page" aria-labelledby="case-title">
      <header className="case-head">
        <p className="quiet">
          {shown.scene.title} · {texts.version} {shown.scene.version}
        </p>
        <h1 id="case-title">{shown.title}</h1>
        <States states={shown.states} />
        <Facts
          facts={[
            [texts.region, shown.region.name],
            [texts.yourRole, shown.role],
            [texts.createdAt, <Time key="created" at={shown.createdAt} />],
            [texts.updatedAt, <Time key="updated" at={shown.updatedAt} />],
            [texts.closedAt, shown.closedAt && <Time at={shown.closedAt} />],
          ]}
        />
      </header>
      {shown.sealedAt && (
        <Alert
          type="warning"
          showIcon
          title={texts.sealedNotice}
          description={texts.sealedHint(formatTime(shown.sealedAt, language))}
        />
      )}
      {shown.openUntil && (
        <Alert
          type="warning"
          showIcon
          title={texts.openUntil(formatTime(shown.openUntil, language))}
          description={texts.openUntilHint}
        />
      )}
      <Block id="next" title={texts.nextSteps} className="card card-next">
        <NextSteps shown={shown} onDone={done} />
      </Block>
      <div className="columns">
        <div>
          <Block id="details" title={texts.details}>
            <RevealBar shown={shown} onAsk={() => setAsked([])} onLapse={refresh} />
            <Details shown={shown} onReveal={(pointer) => setAsked([pointer])} />
          </Block>
          <Block id="letters" title={texts.letters}>
            <Letters
              letters={shown.letters}
              {...(shown.documentsMasked ? { onReveal: () => setAsked([]) } : {})}
            />
          </Block>
          <Block id="timeline" title={texts.timeline}>
            <Timeline key={shown.rowVersion} id={shown.id} />
          </Block>
        </div>
        <div>
          <Block id="clocks" title={texts.clocks}>
            <Clocks deadlines={shown.deadlines} />
          </Block>
          {(shown.mayNudge || shown.nudges.length > 0) && (
            <Block id="nudges" title={texts.nudges}>
              <Nudges shown={shown} onAsk={() => setNudging(true)} />
            </Block>
          )}
          <Block id="organs" title={texts.organs}>
            <ul className="organs">
              {shown.organs.map(({ organ, role }) => (
                <li key={`${organ.id} ${role}`}>
                  {organ.name} <span className="tag">{role}</span>
                </li>
              ))}
            </ul>
          </Block>
          <p className="quiet case-id">
            {texts.caseNumber} <code>{shown.id.replace("Case:", "")}</code>
          </p>
        </div>
      </div>
      {nudging && <NudgeDialog shown={shown} onDone={nudged} onCancel={() => setNudging(false)} />}
      {asked && (
        <RevealDialog shown={shown} fields={asked} onDone={revealed} onCancel={() => setAsked(null)} />
      )}
    </article>
  );
}

interface BlockProps {
  id: string;
  title: string;
  className?: string;
  children: ReactNode;
}

function Block({ id, title, className = "card", children }: BlockProps) {
  return (
    <section className={className} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </section>
  );
}
