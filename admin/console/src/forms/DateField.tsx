import { ariaDescribedByIds, type WidgetProps } from "@rjsf/utils";
import { Input } from "antd";
import { useTexts } from "../language";
import { asDate } from "./asDate";

/** A date, typed. A calendar would drop an impossible date without a word; here the validator says what is wrong. */
export function DateField({ id, value, disabled, readonly, required, onChange, onBlur }: WidgetProps) {
  const texts = useTexts();
  const shown = typeof value === "string" ? value : "";
  const set = (text: string) => onChange(text === "" ? undefined : text);
  return (
    <Input
      id={id}
      name={id}
      value={shown}
      disabled={disabled ?? readonly ?? false}
      required={required ?? false}
      autoComplete="off"
      placeholder={texts.dateHint}
      maxLength={20}
      aria-describedby={ariaDescribedByIds(id)}
      onChange={(event) => set(event.target.value)}
      onBlur={() => {
        set(asDate(shown));
        onBlur(id, asDate(shown));
      }}
    />
  );
}
