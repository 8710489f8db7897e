import { Button } from "antd";
import { useMemo, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { useQuery } from "urql";
import { caseAddress, caseIdOf } from "../api/ids";
import { CASE } from "../api/operations";
import { problemOf } from "../api/problem";
import { type Form, formsOperation } from "../api/scene";
import type { Case, JsonObject } from "../api/types";
import { formName, useAct } from "../case/useAct";
import { forgetDraft } from "../forms/draft";
import { SceneForm } from "../forms/SceneForm";
import { useTexts } from "../language";
import { useTitle } from "../parts/useTitle";
import { Blank } from "../parts/Blank";
import { ErrorView } from "../parts/ErrorView";
import { Loading } from "../parts/Loading";
import { useSignedIn } from "../session";

/** The form of one action: of a case (`/cases/<id>/<action>`), or one that opens a case (`/new/…`). */
export default function ActPage() {
  const { id } = useParams();
  return id === undefined ? <OpeningAct /> : <CaseAct id={id} />;
}

function CaseAct({ id }: { id: string }) {
  const texts = useTexts();
  const { action: name } = useParams();
  const [{ data, error, fetching }] = useQuery({
    query: CASE,
    variables: { id: caseIdOf(id) },
    requestPolicy: "network-only",
  });
  const action = data?.case?.actions.find((one) => one.name === name);
  if (data?.case && action) return <Act action={action} shown={data.case} back={caseAddress(id)} />;
  if (fetching) return <Loading />;
  if (error) return <ErrorView problem={problemOf(error, texts)} />;
  return <Gone back={caseAddress(id)} />;
}

function OpeningAct() {
  const texts = useTexts();
  const { namespace = "", action: name } = useParams();
  const { scenes } = useSignedIn();
  const query = useMemo(() => formsOperation(scenes.map(({ id }) => id)), [scenes]);
  const [{ data, error, fetching }] = useQuery({ query, variables: {}, pause: scenes.length === 0 });
  const action = data?.[namespace]?.forms.find((one) => one.name === name);
  if (action) return <Act action={action} shown={null} back="/new" />;
  if (fetching) return <Loading />;
  if (error) return <ErrorView problem={problemOf(error, texts)} />;
  return <Gone back="/new" />;
}

function Gone({ back }: { back: string }) {
  const texts = useTexts();
  const navigate = useNavigate();
  return (
    <section className="page">
      <Blank title={texts.formMissing} hint={texts.formMissingHint}>
        <Button onClick={() => void navigate(back)}>{texts.back}</Button>
      </Blank>
    </section>
  );
}

function Act({ action, shown, back }: { action: Form; shown: Case | null; back: string }) {
  const texts = useTexts();
  const navigate = useNavigate();
  const { act, busy, problem, clear } = useAct();
  useTitle(action.title);
  const [attempt, setAttempt] = useState(0);
  const form = formName(action, shown);
  const description = action.inputSchema.description;

  const send = async (input: JsonObject): Promise<void> => {
    const result = await act(action, shown, input);
    if (!result) return;
    const said = result.replayed ? texts.doneBefore(action.title) : texts.done(action.title);
    // Who acted need not be allowed to read the case afterwards: closing may seal it at once.
    const next = result.case ? caseAddress(result.case.id) : shown ? "/cases" : back;
    void navigate(next, { replace: true, state: { flash: said } });
  };

  return (
    <section className="page page-form" aria-labelledby="form-title">
      {shown && <p className="quiet">{shown.title}</p>}
      <h1 id="form-title">{action.title}</h1>
      {typeof description === "string" && <p className="quiet">{description}</p>}
      <div className="card">
        <SceneForm
          key={attempt}
          form={form}
          schema={action.inputSchema}
          opens={shown === null}
          busy={busy}
          problem={problem}
          onSend={(input) => void send(input)}
          onEdit={clear}
          onDiscard={() => {
            forgetDraft(form);
            setAttempt((count) => count + 1);
          }}
        >
          <Button size="large" disabled={busy} onClick={() => void navigate(back)}>
            {shown ? texts.backToCase : texts.back}
          </Button>
        </SceneForm>
      </div>
    </section>
  );
}
