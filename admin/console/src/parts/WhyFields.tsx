import { Input, Radio } from "antd";
import { useSpeech } from "../language";
import { useValues } from "./useValues";

/** Why somebody is to be shown more: one of the server's reasons, and a note in their own words. */
export interface Why {
  reason: string;
  note: string;
}

export const NO_REASON: Why = { reason: "", note: "" };

/** The shortest note that the server takes where it asks for one. */
const SHORTEST_NOTE = 5;

export const isSaid = ({ reason, note }: Why): boolean =>
  reason !== "" && note.trim().length >= SHORTEST_NOTE;

/** `reasons` names the enumeration; the note is optional wherever `isSaid` is not asked. */
export function WhyFields({
  reasons,
  reasonLabel,
  noteLabel,
  value,
  onChange,
}: {
  reasons: string;
  reasonLabel: string;
  noteLabel: string;
  value: Why;
  onChange: (why: Why) => void;
}) {
  const { language } = useSpeech();
  const values = useValues(reasons);
  return (
    <>
      <Radio.Group
        className="reveal-reasons"
        aria-label={reasonLabel}
        value={value.reason}
        onChange={({ target }) => onChange({ ...value, reason: String(target.value) })}
        options={[...values].map(([code, label]) => ({ value: code, label: label[language] }))}
      />
      <label>
        {noteLabel}
        <Input.TextArea
          rows={3}
          maxLength={500}
          value={value.note}
          onChange={({ target }) => onChange({ ...value, note: target.value })}
        />
      </label>
    </>
  );
}
