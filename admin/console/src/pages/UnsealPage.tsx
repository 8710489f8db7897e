import { Alert, Button, Input, Select } from "antd";
import { useState } from "react";
import { useClient, useQuery } from "urql";
import { caseIdOf, grantIdOf, isUuid, uuidOf } from "../api/ids";
import { END_GRANT, INQUIRERS, UNSEAL } from "../api/operations";
import { type Problem, problemOf, unexpectedProblem } from "../api/problem";
import type { Organ, Unsealed } from "../api/types";
import { DivisionField } from "../forms/DivisionField";
import { forgetDraft, keyOf, randomKey } from "../forms/draft";
import { useTexts } from "../language";
import { Confirm } from "../parts/Confirm";
import { ProblemNote } from "../parts/ErrorView";
import { Facts } from "../parts/Facts";
import { Time } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import { isSaid, NO_REASON, type Why, WhyFields } from "../parts/WhyFields";
import { useSignedIn } from "../session";
import { NotFoundPage } from "./NotFoundPage";

const LONGEST_DAYS = 30;
const SHORTEST_NUMBER = 2;

/** Opening a sealed case to who inquires by law, and taking that back before its time.
 *
 * It looks nothing up: whether there is such a case, and whose, only the act itself says, and in one wording for all.
 */
export default function UnsealPage() {
  const { me } = useSignedIn();
  return me.duties.includes("approver") ? <Unsealing /> : <NotFoundPage />;
}

function Unsealing() {
  const texts = useTexts();
  useTitle(texts.unsealing);
  const [opened, setOpened] = useState<Opened | null>(null);
  return (
    <section className="page" aria-labelledby="unseal-title">
      <h1 id="unseal-title">{texts.unsealing}</h1>
      <p className="quiet">{texts.unsealIntro}</p>
      {opened && <Told opened={opened} />}
      {/* What has been done is not left in the form, ready to be done again. */}
      <Unseal key={opened?.grant ?? "first"} onDone={setOpened} />
      <h2>{texts.endGrantTitle}</h2>
      <EndGrant key={`end ${opened?.grant ?? ""}`} grant={opened?.grant ?? ""} />
    </section>
  );
}

interface Opened extends Unsealed {
  to: string;
}

function Told({ opened }: { opened: Opened }) {
  const texts = useTexts();
  return (
    <Alert
      type="success"
      showIcon
      role="status"
      title={texts.unsealed(opened.to)}
      description={
        <>
          <Facts
            facts={[
              [texts.unsealUntil, <Time key="until" at={opened.until} />],
              [texts.grantId, <code key="grant">{opened.grant}</code>],
            ]}
          />
          <p>{texts.unsealKeep}</p>
        </>
      }
    />
  );
}

interface Asked {
  case: string;
  number: string;
  division: string;
  requester: Organ | null;
  department: string;
  days: string;
  why: Why;
}

const NOTHING: Asked = {
  case: "",
  number: "",
  division: "",
  requester: null,
  department: "",
  days: "",
  why: NO_REASON,
};

const daysOf = (text: string): number => (/^\d{1,2}$/.test(text.trim()) ? Number(text) : 0);

/** Whether the form is filled in; nothing that it says depends on what there is. */
const isWhole = ({ case: named, number, requester, days, why }: Asked): boolean =>
  isUuid(uuidOf(named)) &&
  number.trim().length >= SHORTEST_NUMBER &&
  requester !== null &&
  daysOf(days) >= 1 &&
  daysOf(days) <= LONGEST_DAYS &&
  isSaid(why);

function Unseal({ onDone }: { onDone: (opened: Opened) => void }) {
  const texts = useTexts();
  const client = useClient();
  const [asked, setAsked] = useState(NOTHING);
  const [confirming, setConfirming] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  // In memory alone, since the form says which case; what is filled in otherwise is another act.
  const [key, setKey] = useState(randomKey);
  const set = (change: Partial<Asked>) => {
    setAsked((now) => ({ ...now, ...change }));
    setKey(randomKey());
  };
  const { requester } = asked;

  const send = async (to: Organ): Promise<void> => {
    const given = {
      case: caseIdOf(uuidOf(asked.case)),
      ground: asked.why.reason,
      requestNumber: asked.number.trim(),
      requester: to.id,
      department: asked.department.trim() || null,
      days: daysOf(asked.days),
    };
    setBusy(true);
    setProblem(null);
    const { data, error } = await client
      .mutation(UNSEAL, { ...given, purpose: asked.why.note.trim(), key })
      .toPromise();
    setBusy(false);
    setConfirming(false);
    if (data ?? error?.graphQLErrors.length) setKey(randomKey());
    const opened = error ? null : data?.access.unseal;
    if (opened) onDone({ ...opened.output, to: to.name });
    else setProblem(error ? problemOf(error, texts) : unexpectedProblem(texts, "empty"));
  };

  return (
    <div className="card emergency">
      <label>
        {texts.unsealCase}
        <Input value={asked.case} maxLength={50} onChange={({ target }) => set({ case: target.value })} />
      </label>
      <WhyFields
        reasons="UnsealingGround"
        reasonLabel={texts.unsealGround}
        noteLabel={texts.unsealPurpose}
        value={asked.why}
        onChange={(why) => set({ why })}
      />
      <Requester
        division={asked.division}
        requester={requester}
        onDivision={(division) => set({ division, requester: null })}
        onRequester={(chosen) => set({ requester: chosen })}
      />
      <label>
        {texts.unsealDepartment}
        <Input
          value={asked.department}
          maxLength={60}
          onChange={({ target }) => set({ department: target.value })}
        />
      </label>
      <div className="side-by-side">
        <label>
          {texts.unsealNumber}
          <Input
            value={asked.number}
            maxLength={100}
            onChange={({ target }) => set({ number: target.value })}
          />
        </label>
        <label>
          {texts.unsealDays}
          <Input
            value={asked.days}
            maxLength={2}
            inputMode="numeric"
            onChange={({ target }) => set({ days: target.value })}
          />
        </label>
      </div>
      {problem && <ProblemNote problem={problem} />}
      <Button type="primary" danger disabled={!isWhole(asked)} onClick={() => setConfirming(true)}>
        {texts.unsealDo}
      </Button>
      {confirming && requester && (
        <Confirm
          title={texts.unsealDo}
          busy={busy}
          onConfirm={() => void send(requester)}
          onCancel={() => setConfirming(false)}
        >
          <p>{texts.unsealText(requester.name, daysOf(asked.days))}</p>
        </Confirm>
      )}
    </div>
  );
}

/** The organ that inquires: one of those that the law lets, of a division or above it. */
function Requester({
  division,
  requester,
  onDivision,
  onRequester,
}: {
  division: string;
  requester: Organ | null;
  onDivision: (code: string) => void;
  onRequester: (organ: Organ | null) => void;
}) {
  const texts = useTexts();
  const [{ data, error, fetching }] = useQuery({
    query: INQUIRERS,
    variables: { division },
    pause: division === "",
  });
  const organs = division ? (data?.access.inquirers ?? []) : [];
  return (
    <div className="side-by-side">
      <div>
        <label htmlFor="unseal-division">{texts.unsealDivision}</label>
        <DivisionField
          id="unseal-division"
          value={division}
          onChange={(code: string | undefined) => onDivision(code ?? "")}
        />
      </div>
      <div>
        <label htmlFor="unseal-requester">{texts.unsealRequester}</label>
        <Select
          id="unseal-requester"
          value={requester?.id ?? null}
          disabled={division === ""}
          loading={fetching}
          placeholder={texts.unsealRequesterHint}
          notFoundContent={texts.unsealRequesterNone}
          options={organs.map(({ id, name }) => ({ value: id, label: name }))}
          onChange={(id) => onRequester(organs.find((organ) => organ.id === id) ?? null)}
        />
      </div>
      {error && <ProblemNote problem={problemOf(error, texts)} />}
    </div>
  );
}

/** Takes an access back by its id. An unknown one, and one of a case of others, are refused alike. */
function EndGrant({ grant }: { grant: string }) {
  const texts = useTexts();
  const client = useClient();
  const [named, setNamed] = useState(grant);
  const [confirming, setConfirming] = useState(false);
  const [busy, setBusy] = useState(false);
  const [ended, setEnded] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  const send = async (): Promise<void> => {
    const id = grantIdOf(uuidOf(named));
    const form = `access.end.${id}`;
    setBusy(true);
    setProblem(null);
    const { data, error } = await client.mutation(END_GRANT, { grant: id, key: keyOf(form) }).toPromise();
    setBusy(false);
    setConfirming(false);
    if (data ?? error?.graphQLErrors.length) forgetDraft(form);
    setEnded(!error && Boolean(data?.access.endGrant));
    if (error) setProblem(problemOf(error, texts));
  };

  return (
    <div className="card emergency">
      <p className="quiet">{texts.endGrantIntro}</p>
      <label>
        {texts.grantId}
        <Input
          value={named}
          maxLength={50}
          onChange={({ target }) => {
            setEnded(false);
            setNamed(target.value);
          }}
        />
      </label>
      {problem && <ProblemNote problem={problem} />}
      {ended && <Alert type="success" showIcon role="status" title={texts.grantEnded} />}
      <Button danger disabled={!isUuid(uuidOf(named)) || ended} onClick={() => setConfirming(true)}>
        {texts.endGrant}
      </Button>
      {confirming && (
        <Confirm
          title={texts.endGrantTitle}
          busy={busy}
          onConfirm={() => void send()}
          onCancel={() => setConfirming(false)}
        >
          <p>{texts.endGrantText}</p>
        </Confirm>
      )}
    </div>
  );
}
