import { ariaDescribedByIds, type WidgetProps } from "@rjsf/utils";
import { Radio } from "antd";

/** One of a few choices, all in sight. A label can point to one box only: the group has its caption as its name,
 * which the engine's own field leaves out. */
export function RadioField({
  id,
  label,
  value,
  options,
  required,
  disabled,
  readonly,
  onChange,
}: WidgetProps) {
  const choices = options.enumOptions ?? [];
  return (
    <Radio.Group
      id={id}
      name={id}
      aria-label={label}
      aria-required={required ?? false}
      aria-describedby={ariaDescribedByIds(id)}
      disabled={disabled ?? readonly ?? false}
      value={choices.findIndex((choice) => choice.value === value)}
      onChange={({ target }) => onChange(choices[Number(target.value)]?.value)}
      options={choices.map((choice, index) => ({ value: index, label: choice.label }))}
    />
  );
}
