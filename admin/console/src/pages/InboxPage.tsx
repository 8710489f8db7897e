import { Button, Segmented } from "antd";
import { useMemo, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { useClient, useQuery } from "urql";
import { unattended } from "../api/client";
import { caseAddress, caseAddressIn, provinceOf } from "../api/ids";
import { INBOX, INBOX_COUNTS, MARK_READ } from "../api/operations";
import { type Problem, problemOf } from "../api/problem";
import type { Connection, InboxCount, InboxItem } from "../api/types";
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
import { useAsking } from "../session";
import { type Texts, wordFor } from "../texts";

const pick = ({ inbox }: { inbox: Connection<InboxItem> }) => inbox;

/** The kind that is shown lives in the address, so that going back from a case finds the same list. */
export function InboxPage() {
  const texts = useTexts();
  const [address, setAddress] = useSearchParams();
  const named = address.get("waits") ?? "";
  const kind = named in texts.waits ? named : "";
  const variables = useMemo(() => ({ waits: kind || null }), [kind]);
  const pages = usePages(INBOX, variables, pick);
  const asking = useAsking();
  const [{ data }, count] = useQuery({ query: INBOX_COUNTS, requestPolicy: "network-only" });
  const counts = data?.inbox.counts ?? [];
  useLive(() => {
    pages.renew();
    count(unattended(asking));
  });
  useTitle(texts.inboxTitle);
  const noted = (): void => {
    pages.reload();
    count({ requestPolicy: "network-only" });
  };
  const settled = !pages.loading && !pages.problem;

  return (
    <section className="page" aria-labelledby="inbox-title">
      <h1 id="inbox-title">{texts.inboxTitle}</h1>
      <p className="quiet">{texts.inboxIntro}</p>
      {(kind !== "" || counts.some((one) => one.count > 0)) && (
        <Segmented
          className="filter"
          aria-label={texts.filterBy}
          value={kind}
          options={kinds(counts, texts)}
          onChange={(waits) => setAddress(waits ? { waits } : {}, { replace: true })}
        />
      )}
      <ul className="rows">
        {pages.items.map((item) => (
          <Row key={item.id} item={item} onNoted={noted} />
        ))}
      </ul>
      {settled && pages.items.length === 0 && (
        <Blank title={kind ? texts.inboxNoMatch : texts.inboxEmpty} hint={kind ? "" : texts.inboxEmptyHint} />
      )}
      <ListFoot pages={pages} />
    </section>
  );
}

/** The kinds with their numbers as the server counts them, over all pages; none before it has. */
function kinds(counts: InboxCount[], texts: Texts): { value: string; label: string }[] {
  const all = counts.reduce((sum, { count }) => sum + count, 0);
  const exact = counts.every((one) => one.exact);
  const told = Object.entries(texts.waits).map(([value, label]) => {
    const one = counts.find(({ waits }) => waits === value);
    return { value, label: one ? texts.counted(label, one.count, one.exact) : label };
  });
  return [
    { value: "", label: counts.length > 0 ? texts.counted(texts.all, all, exact) : texts.all },
    ...told,
  ];
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
