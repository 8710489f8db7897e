import { LoadingOutlined, RightOutlined } from "@ant-design/icons";
import { ariaDescribedByIds, type WidgetProps } from "@rjsf/utils";
import { Cascader } from "antd";
import { useCallback, useEffect, useMemo, useState } from "react";
import { useClient } from "urql";
import { codesToward, type Levels, levelsBelow, pathOf, TOP } from "../api/divisions";
import { useTexts } from "../language";

interface Option {
  value: string;
  label: string;
  isLeaf: boolean;
  children?: Option[];
}

/** A division, chosen level by level or found by name or code. What is kept is its code, that of the lowest level. */
export function DivisionField({
  id,
  value,
  disabled,
  readonly,
  onChange,
}: Pick<WidgetProps, "id" | "value" | "disabled" | "readonly" | "onChange">) {
  const texts = useTexts();
  const client = useClient();
  const [levels, setLevels] = useState<Levels>(new Map());
  const [open, setOpen] = useState(false);
  const options = useMemo(() => optionsBelow(TOP, levels), [levels]);
  const code = typeof value === "string" ? value : "";
  const path = code ? (pathTo(code, options) ?? [code]) : [];

  const load = useCallback(
    async (codes: string[]): Promise<Levels> => {
      const found = await levelsBelow(client, codes);
      setLevels((known) => new Map([...known, ...found]));
      return found;
    },
    [client],
  );
  useEffect(() => {
    void pathOf(client, code).then((above) => load([TOP, ...above.slice(0, -1).map((one) => one.code)]));
  }, [client, code, load]);

  const search = (text: string): void => {
    if (text.trim()) void codesToward(client, text.trim()).then((codes) => load([TOP, ...codes]));
  };
  const descend = async (chosen: string): Promise<void> => {
    const found = await load([chosen]);
    if (found.get(chosen)?.length !== 0) return;
    // A city without counties (东莞市) is itself the lowest level.
    onChange(chosen);
    setOpen(false);
  };

  return (
    <Cascader<Option>
      id={id}
      className="division"
      options={options}
      value={path}
      open={open}
      disabled={disabled ?? readonly ?? false}
      placeholder={texts.divisionHint}
      expandIcon={<RightOutlined aria-hidden />}
      loadingIcon={<LoadingOutlined aria-hidden />}
      notFoundContent={texts.divisionNone}
      aria-describedby={ariaDescribedByIds(id)}
      showSearch={{ filter: fits, onSearch: search }}
      loadData={(chosen) => void descend(chosen.at(-1)?.value ?? TOP)}
      onOpenChange={setOpen}
      onChange={(chosen) => onChange((chosen as string[] | undefined)?.at(-1))}
    />
  );
}

function optionsBelow(code: string, levels: Levels): Option[] {
  return (levels.get(code) ?? []).map((division) => {
    const children = optionsBelow(division.code, levels);
    const isLeaf = division.level === "county" || levels.get(division.code)?.length === 0;
    const option = { value: division.code, label: division.name, isLeaf };
    return children.length > 0 ? { ...option, children } : option;
  });
}

function pathTo(code: string, options: Option[]): string[] | undefined {
  for (const { value, children } of options) {
    if (value === code) return [value];
    const below = pathTo(code, children ?? []);
    if (below) return [value, ...below];
  }
  return undefined;
}

/** Whether a search is for this division or one above it; what can still be opened is no answer yet. */
const fits = (search: string, path: Option[]): boolean =>
  path.at(-1)?.isLeaf === true &&
  path.some(({ value, label }) => label.includes(search.trim()) || value.startsWith(search.trim()));
