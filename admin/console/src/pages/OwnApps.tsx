import { Button } from "antd";
import { useState } from "react";
import { useClient, useQuery } from "urql";
import { type Delegation, DELEGATIONS, WITHDRAW } from "../api/delegations";
import { type Problem, problemOf } from "../api/problem";
import { forgetDraft, keyOf } from "../forms/draft";
import { useSpeech } from "../language";
import { Blank } from "../parts/Blank";
import { Confirm } from "../parts/Confirm";
import { ErrorView, ProblemNote } from "../parts/ErrorView";
import { Facts } from "../parts/Facts";
import { Loading } from "../parts/Loading";
import { Time } from "../parts/Time";
import { Scopes } from "./AuthorizePage";

const NO_VARIABLES = {};

/** The apps that act in this person's name, and how to stop one at once. */
export function OwnApps() {
  const { texts } = useSpeech();
  const [{ data, error, fetching }, reload] = useQuery({
    query: DELEGATIONS,
    variables: NO_VARIABLES,
    requestPolicy: "network-only",
  });
  if (fetching && !data) return <Loading />;
  if (error) return <ErrorView problem={problemOf(error, texts)} onRetry={reload} />;
  const held = data?.delegations.mine.delegations ?? [];
  return (
    <section className="card" aria-labelledby="apps-title">
      <h2 id="apps-title">{texts.appsTitle}</h2>
      <p className="quiet">{texts.appsIntro}</p>
      {held.length === 0 && <Blank title={texts.appsEmpty} hint={texts.appsEmptyHint} />}
      <ul className="rows">
        {held.map((one) => (
          <Row key={one.id} delegation={one} onWithdrawn={() => reload({ requestPolicy: "network-only" })} />
        ))}
      </ul>
    </section>
  );
}

function Row({ delegation, onWithdrawn }: { delegation: Delegation; onWithdrawn: () => void }) {
  const { language, texts } = useSpeech();
  const client = useClient();
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const name = language === "en" ? delegation.app_en : delegation.app;
  const form = `delegations.withdraw.${delegation.id}`;

  const withdraw = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    const { error } = await client
      .mutation(WITHDRAW, { delegation: delegation.id, key: keyOf(form) })
      .toPromise();
    setBusy(false);
    setAsking(false);
    if (error) {
      setProblem(problemOf(error, texts));
      return;
    }
    forgetDraft(form);
    onWithdrawn();
  };

  return (
    <li className="row">
      <div className="row-head">
        <h3>{name}</h3>
      </div>
      <Facts
        facts={[
          [texts.appOwner, language === "en" ? delegation.organ_en : delegation.organ],
          [texts.appSince, <Time key="since" at={delegation.granted_at} />],
          [
            texts.appLastUsed,
            delegation.used_at ? <Time key="used" at={delegation.used_at} /> : texts.appNeverUsed,
          ],
        ]}
      />
      <Scopes scopes={delegation.scopes} />
      {problem && <ProblemNote problem={problem} />}
      <div className="row-foot">
        <Button size="small" aria-label={texts.withdrawOf(name)} onClick={() => setAsking(true)}>
          {texts.withdraw}
        </Button>
      </div>
      {asking && (
        <Confirm
          title={texts.withdrawOf(name)}
          busy={busy}
          onConfirm={() => void withdraw()}
          onCancel={() => setAsking(false)}
        >
          <p>{texts.withdrawMeans}</p>
        </Confirm>
      )}
    </li>
  );
}
