import { Button, Input, Space } from "antd";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { useClient, useQuery } from "urql";
import { addressOf } from "../api/client";
import { caseAddress, caseAddressIn, caseIdOf, isUuid, provinceOf } from "../api/ids";
import { BREAK_GLASS, BROKEN_GLASS, REVIEW_GLASS } from "../api/operations";
import { type Problem, problemOf, unexpectedProblem } from "../api/problem";
import type { GlassBroken } from "../api/types";
import { forgetDraft, keyOf } from "../forms/draft";
import { useSpeech } from "../language";
import { ProblemNote } from "../parts/ErrorView";
import { Facts } from "../parts/Facts";
import { Time } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import { useValues } from "../parts/useValues";
import { isSaid, NO_REASON, WhyFields } from "../parts/WhyFields";
import { useSignedIn } from "../session";

/** Opening a case in an emergency, and for who watches over cases what was opened so. */
export function EmergencyPage() {
  const { texts } = useSpeech();
  useTitle(texts.emergency);
  const [{ data }, reload] = useQuery({ query: BROKEN_GLASS, requestPolicy: "network-only" });
  const broken = data?.access.brokenGlass ?? [];
  return (
    <section className="page" aria-labelledby="emergency-title">
      <h1 id="emergency-title">{texts.emergency}</h1>
      <p className="quiet">{texts.emergencyIntro}</p>
      <BreakGlass />
      {broken.length > 0 && (
        <>
          <h2>{texts.glassBroken}</h2>
          <ul className="rows">
            {broken.map((glass) => (
              <Broken
                key={glass.id}
                glass={glass}
                refresh={() => reload({ requestPolicy: "network-only" })}
              />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function BreakGlass() {
  const { texts } = useSpeech();
  const client = useClient();
  const navigate = useNavigate();
  const province = provinceOf(useSignedIn().me.organ.region.code);
  const [named, setNamed] = useState("");
  const [why, setWhy] = useState(NO_REASON);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  const send = async (): Promise<void> => {
    const name = named.trim();
    const { reason, note } = why;
    const by = isUuid(name) ? { case: caseIdOf(name), number: null } : { case: null, number: name };
    const form = `access.glass.${name}.${reason}`;
    setBusy(true);
    setProblem(null);
    const { data, error } = await client
      .mutation(
        BREAK_GLASS,
        { ...by, reason, note: note.trim(), key: keyOf(form) },
        { url: addressOf(province) },
      )
      .toPromise();
    setBusy(false);
    if (data ?? error?.graphQLErrors.length) forgetDraft(form);
    const opened = error ? null : data?.access.breakGlass.case;
    if (opened) void navigate(caseAddressIn(province, opened.id), { state: { flash: texts.glassDone } });
    else setProblem(error ? problemOf(error, texts) : unexpectedProblem(texts, "empty"));
  };

  return (
    <div className="card emergency">
      <label>
        {texts.glassNamed}
        <Input value={named} maxLength={100} onChange={({ target }) => setNamed(target.value)} />
      </label>
      <WhyFields
        reasons="Emergency"
        reasonLabel={texts.revealReason}
        noteLabel={texts.glassNote}
        value={why}
        onChange={setWhy}
      />
      {problem && <ProblemNote problem={problem} />}
      <Button
        type="primary"
        danger
        loading={busy}
        disabled={named.trim() === "" || !isSaid(why)}
        onClick={() => void send()}
      >
        {texts.glassBreak}
      </Button>
    </div>
  );
}

function Broken({ glass, refresh }: { glass: GlassBroken; refresh: () => void }) {
  const { language, texts } = useSpeech();
  const client = useClient();
  const reasons = useValues("Emergency");
  const findings = useValues("GlassFinding");
  const [problem, setProblem] = useState<Problem | null>(null);

  const review = async (finding: string): Promise<void> => {
    const form = `access.review.${glass.id}.${finding}`;
    const { error } = await client
      .mutation(REVIEW_GLASS, { glass: glass.id, finding, key: keyOf(form) })
      .toPromise();
    if (error) setProblem(problemOf(error, texts));
    else refresh();
  };

  return (
    <li className="row">
      <Facts
        facts={[
          [texts.glassBy, `${glass.organ} · ${glass.login}`],
          [texts.glassAt, <Time key="at" at={glass.at} />],
          [texts.glassUntil, <Time key="until" at={glass.until} />],
          [texts.revealReason, reasons.get(glass.reason)?.[language] ?? glass.reason],
          [texts.glassNote, glass.note],
          [texts.caseNumber, glass.caseId && <Link to={caseAddress(glass.caseId)}>{texts.openCase}</Link>],
          [texts.glassFinding, glass.finding && (findings.get(glass.finding)?.[language] ?? glass.finding)],
        ]}
      />
      {glass.caseId && !glass.finding && (
        <Space>
          {[...findings].map(([value, label]) => (
            <Button key={value} onClick={() => void review(value)}>
              {label[language]}
            </Button>
          ))}
        </Space>
      )}
      {problem && <ProblemNote problem={problem} />}
    </li>
  );
}
