import { Input, Segmented, Select } from "antd";
import { useMemo } from "react";
import { Link, useSearchParams } from "react-router";
import { caseAddress, shortId } from "../api/ids";
import { CASES } from "../api/operations";
import type { CaseSummary, Connection } from "../api/types";
import { useTexts } from "../language";
import { useTitle } from "../parts/useTitle";
import { Blank } from "../parts/Blank";
import { ExportCases } from "../parts/ExportCases";
import { Facts } from "../parts/Facts";
import { ListFoot } from "../parts/ListFoot";
import { States } from "../parts/States";
import { Due, Time } from "../parts/Time";
import { usePages } from "../parts/usePages";
import { useSignedIn } from "../session";

const pick = ({ cases }: { cases: Connection<CaseSummary> }) => cases;
const OPEN: Record<string, boolean> = { open: true, closed: false };

/** The conditions live in the address, so that going back from a case finds the same list. */
export function CasesPage() {
  const texts = useTexts();
  const [address, setAddress] = useSearchParams();
  useTitle(texts.casesTitle);
  const [search, scene, status] = ["q", "scene", "status"].map((name) => address.get(name) ?? "") as [
    string,
    string,
    string,
  ];
  const variables = useMemo(
    () => ({ search: search || null, scene: scene || null, open: OPEN[status] ?? null }),
    [search, scene, status],
  );
  const pages = usePages(CASES, variables, pick);
  const set = (name: string, value: string) =>
    setAddress(
      (now) => {
        const next = new URLSearchParams(now);
        if (value) next.set(name, value);
        else next.delete(name);
        return next;
      },
      { replace: true },
    );
  const filtered = search !== "" || scene !== "" || status !== "";

  return (
    <section className="page" aria-labelledby="cases-title">
      <h1 id="cases-title">{texts.casesTitle}</h1>
      <p className="quiet">{texts.casesIntro}</p>
      <form role="search" className="conditions" onSubmit={(event) => event.preventDefault()}>
        <Input.Search
          key={search}
          defaultValue={search}
          allowClear
          enterButton={texts.search}
          aria-label={texts.searchLabel}
          placeholder={texts.searchHint}
          onSearch={(value) => set("q", value.trim())}
        />
        <SceneChoice value={scene} onChange={(value) => set("scene", value)} />
        <Segmented
          aria-label={texts.status}
          value={status}
          options={[
            { value: "", label: texts.all },
            { value: "open", label: texts.onlyOpen },
            { value: "closed", label: texts.onlyClosed },
          ]}
          onChange={(value) => set("status", value)}
        />
      </form>
      <ExportCases key={address.toString()} conditions={variables} empty={pages.items.length === 0} />
      <ul className="rows">
        {pages.items.map((item) => (
          <Row key={item.id} item={item} />
        ))}
      </ul>
      {!pages.loading && !pages.problem && pages.items.length === 0 && (
        <Blank
          title={filtered ? texts.casesNoMatch : texts.casesEmpty}
          hint={filtered ? texts.casesNoMatchHint : texts.casesEmptyHint}
        />
      )}
      <ListFoot pages={pages} />
    </section>
  );
}

function SceneChoice({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const texts = useTexts();
  const { scenes } = useSignedIn();
  if (scenes.length < 2) return null;
  const options = scenes.map(({ id, title }) => ({ value: id, label: title }));
  return (
    <Select
      aria-label={texts.scene}
      value={value}
      options={[{ value: "", label: texts.allScenes }, ...options]}
      onChange={onChange}
    />
  );
}

function Row({ item }: { item: CaseSummary }) {
  const texts = useTexts();
  return (
    <li className="row">
      <div className="row-head">
        <h2>
          <Link to={caseAddress(item.id)}>{item.title}</Link>
        </h2>
        <States states={item.states} />
      </div>
      <Facts
        facts={[
          [texts.nextDue, item.nextDueAt && <Due at={item.nextDueAt} />],
          [texts.scene, item.scene.title],
          [texts.caseNumber, <code key="id">{shortId(item.id)}</code>],
          [texts.region, item.region.name],
          [texts.createdAt, <Time key="created" at={item.createdAt} />],
          [texts.updatedAt, <Time key="updated" at={item.updatedAt} />],
          [texts.closedAt, item.closedAt && <Time at={item.closedAt} />],
        ]}
      />
    </li>
  );
}
