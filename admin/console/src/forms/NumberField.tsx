import { ariaDescribedByIds, type WidgetProps } from "@rjsf/utils";
import { InputNumber } from "antd";

/** A number, typed. It has no limits of its own: the engine's field turned an 18 into the highest allowed, 17,
 * without a word; here the validator says what is wrong. */
export function NumberField({ id, value, disabled, readonly, onChange }: WidgetProps) {
  return (
    <InputNumber
      id={id}
      className="number"
      value={typeof value === "number" ? value : null}
      disabled={disabled ?? readonly ?? false}
      controls={false}
      aria-describedby={ariaDescribedByIds(id)}
      onChange={(typed) => onChange(typed ?? undefined)}
    />
  );
}
