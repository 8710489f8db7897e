import { LockOutlined } from "@ant-design/icons";
import { Button, Skeleton, Tooltip } from "antd";
import type { ReactNode } from "react";
import type { Field, Shapes } from "../api/shapes";
import type { Case, Json, JsonObject } from "../api/types";
import { formatTime } from "../format";
import { type Language, useSpeech } from "../language";
import { DivisionName } from "../parts/DivisionName";
import type { Texts } from "../texts";
import { useDetail } from "./useDetail";

interface Telling {
  shapes: Shapes;
  masked: Set<string>;
  revealable: Set<string>;
  onReveal: (pointer: string) => void;
  language: Language;
  texts: Texts;
}

interface DetailsProps {
  shown: Case;
  onReveal: (pointer: string) => void;
}

/** What the case itself says, field by field; what the reader does not see in full is marked. */
export function Details({ shown, onReveal }: DetailsProps) {
  const { language, texts } = useSpeech();
  const detail = useDetail(shown);
  if (!shown.detail) return <p className="quiet">{texts.noDetails}</p>;
  if (!detail) return <Skeleton active title={false} paragraph={{ rows: 4 }} />;
  const revealable = new Set(shown.revealable.map(({ pointer }) => pointer));
  const telling = {
    shapes: detail.shapes,
    masked: new Set(shown.masked),
    revealable,
    onReveal,
    language,
    texts,
  };
  return <Fields fields={fieldsOf(detail.root, telling)} data={detail.data} path="" telling={telling} />;
}

const fieldsOf = (type: string, { shapes }: Telling): Field[] => shapes.get(type)?.fields ?? [];

interface Props {
  fields: Field[];
  data: JsonObject;
  path: string;
  telling: Telling;
}

function Fields({ fields, data, path, telling }: Props) {
  // A case has a field for everything that may ever be known of it; what nobody has filled in is left out.
  const told = fields.filter(({ name }) => telling.masked.has(`${path}/${name}`) || !isEmpty(data[name]));
  if (told.length === 0) return <span className="quiet">{telling.texts.empty}</span>;
  return (
    <dl className="details">
      {told.map(({ name, label, type }) => (
        <div key={name} className={isNested(data[name]) ? "details-nested" : ""}>
          <dt>{label[telling.language]}</dt>
          <dd>
            <Value type={type} value={data[name] ?? null} path={`${path}/${name}`} telling={telling} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

const isEmpty = (value: Json | undefined): boolean =>
  value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);

const isNested = (value: Json | undefined): boolean =>
  typeof value === "object" && value !== null && (!Array.isArray(value) || value.some(isNested));

function Value({
  type,
  value,
  path,
  telling,
}: {
  type: string;
  value: Json;
  path: string;
  telling: Telling;
}): ReactNode {
  if (telling.masked.has(path)) return <Masked value={value} path={path} telling={telling} />;
  if (Array.isArray(value)) {
    if (value.length === 0) return <span className="quiet">{telling.texts.empty}</span>;
    return (
      <ul className="values">
        {value.map((item, index) => (
          // The list is shown as it is stored and never changes while it is shown.
          <li key={index}>
            <Value type={type} value={item} path={`${path}/${index}`} telling={telling} />
          </li>
        ))}
      </ul>
    );
  }
  if (typeof value === "object" && value !== null) {
    const own = typeof value.__typename === "string" ? value.__typename : type;
    return <Fields fields={fieldsOf(own, telling)} data={value} path={path} telling={telling} />;
  }
  return plain(type, value, telling);
}

function plain(type: string, value: string | number | boolean | null, telling: Telling): ReactNode {
  const { shapes, language, texts } = telling;
  if (value === null || value === "") return <span className="quiet">{texts.empty}</span>;
  if (typeof value === "boolean") return value ? texts.yes : texts.no;
  if (type === "DivisionCode") return <DivisionName code={String(value)} />;
  if (type === "DateTime") return <time dateTime={String(value)}>{formatTime(String(value), language)}</time>;
  return shapes.get(type)?.values.get(String(value))?.[language] ?? String(value);
}

function Masked({ value, path, telling }: { value: Json; path: string; telling: Telling }) {
  const { texts, revealable, onReveal } = telling;
  const shows = revealable.has(path);
  const hint = shows ? texts.revealHint : texts.maskedHint;
  return (
    <>
      <Tooltip title={hint} trigger={["hover", "focus"]}>
        {/* Reached by keyboard too: the hint is the only place that says why, and describes it while it is open. */}
        <span className="masked" tabIndex={0}>
          {typeof value === "string" && value}
          <LockOutlined aria-hidden /> {typeof value === "string" ? texts.masked : texts.hidden}
        </span>
      </Tooltip>
      {shows && (
        <Button type="link" size="small" onClick={() => onReveal(path)}>
          {texts.reveal}
        </Button>
      )}
    </>
  );
}
