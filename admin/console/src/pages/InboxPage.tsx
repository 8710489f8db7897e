import { Button, Segmented } from "antd";
import { useState } from "react";
import { Link } from "react-router";
import { useClient } from "urql";
import { caseAddress, caseAddressIn, provinceOf } from "../api/ids";
import { INBOX, MARK_READ } from "../api/operations";
import { type Problem, problemOf } from "../api/problem";
import type { Connection, InboxItem } from "../api/types";
import { forgetDraft, keyOf } from "../forms/draft";
import { useTexts } from "../language";
import { useLive } from "../live";
import { useTitle } from "../parts/useTitle";
import { Blank } from "../parts/Blank";
import { ProblemNote } from "../parts/ErrorView";
import { Facts } from "../parts/Facts";
import { ListFoot } from "../parts/ListFoot";
import { Due, Time } from "../parts/Time";
import { usePages } from "../parts/usePages";
import { type Texts, wordFor } from "../texts";

const NO_VARIABLES = {};
const pick = ({ inbox }: { inbox: Connection<InboxItem> }) => inbox;

export function InboxPage() {
  const texts = useTexts();
  const pages = usePages(INBOX, NO_VARIABLES, pick);
  useLive(pages.renew);
  useTitle(texts.inboxTitle);
  const [kind, setKind] = useState("");
  const shown = pages.items.filter(({ waits }) => kind === "" || waits === kind);
  const settled = !pages.loading && !pages.problem;

  return (
    <section className="page" aria-labelledby="inbox-title">
      <h1 id="inbox-title">{texts.inboxTitle}</h1>
      <p className="quiet">{texts.inboxIntro}</p>
      {pages.items.length > 0 && (
        <Segmented
          className="filter"
          aria-label={texts.filterBy}
          value={kind}
          options={kinds(pages.items, texts)}
          onChange={setKind}
        />
      )}
      <ul className="rows">
        {shown.map((item) => (
          <Row key={item.id} item={item} onNoted={pages.reload} />
        ))}
      </ul>
      {settled && pages.items.length === 0 && <Blank title={texts.inboxEmpty} hint={texts.inboxEmptyHint} />}
      {settled && pages.items.length > 0 && shown.length === 0 && (
        <Blank title={texts.inboxNoMatch} hint="" />
      )}
      <ListFoot pages={pages} />
    </section>
  );
}

function kinds(items: InboxItem[], texts: Texts): { value: string; label: string }[] {
  const counted = Object.entries(texts.waits).map(([value, label]) => {
    const count = items.filter(({ waits }) => waits === value).length;
    return { value, label: `${label} ${count}` };
  });
  return [{ value: "", label: `${texts.all} ${items.length}` }, ...counted];
}

function Row({ item, onNoted }: { item: InboxItem; onNoted: () => void }) {
  const texts = useTexts();
  const { letter, deadline } = item;
  const waits = wordFor(texts.waits, item.waits);
  const province = provinceOf(item.region.code);
  const title = letter?.title ?? deadline?.title ?? item.caseTitle;
  return (
    <li className="row">
      <div className="row-head">
        <span className={`waits waits-${item.waits}`}>{waits}</span>
        <h2>
          <Link
            to={item.waits === "unsealed" ? caseAddressIn(province, item.caseId) : caseAddress(item.caseId)}
          >
            {title || waits}
          </Link>
        </h2>
        {letter?.copyOf && <span className="tag">{texts.copy}</span>}
      </div>
      <p className="row-note">{item.caseTitle}</p>
      <Facts
        facts={[
          [texts.due, item.dueAt ? <Due at={item.dueAt} /> : <span className="quiet">{texts.noDue}</span>],
          [texts.basis, deadline?.article ?? letter?.basis ?? ""],
          [texts.from, letter?.from.name ?? ""],
          [texts.number, letter?.number ?? ""],
          [texts.region, item.region.name],
          [texts.receivedAt, <Time key="at" at={item.at} />],
        ]}
      />
      {NOTICES.has(item.waits) && <TakeNote item={item.id} title={`${waits} · ${title}`} onNoted={onNoted} />}
    </li>
  );
}

/** Items that wait for no act, only for somebody to know of them. */
const NOTICES = new Set(["overdue", "undelivered", "nudged", "break_glass", "unsealed"]);

function TakeNote({ item, title, onNoted }: { item: string; title: string; onNoted: () => void }) {
  const texts = useTexts();
  const client = useClient();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const form = `letters.markRead.${item}`;

  const note = async (): Promise<void> => {
    setBusy(true);
    const { error } = await client.mutation(MARK_READ, { item, key: keyOf(form) }).toPromise();
    setBusy(false);
    if (error) {
      setProblem(problemOf(error, texts));
      return;
    }
    forgetDraft(form);
    onNoted();
  };

  return (
    <>
      {problem && <ProblemNote problem={problem} onRetry={() => void note()} />}
      <div className="row-foot">
        <Button size="small" loading={busy} aria-label={texts.takeNoteOf(title)} onClick={() => void note()}>
          {texts.takeNote}
        </Button>
      </div>
    </>
  );
}
