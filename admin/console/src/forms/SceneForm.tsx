import Form from "@rjsf/antd";
import { type ErrorSchema, type RJSFSchema, TranslatableString, englishStringTranslator } from "@rjsf/utils";
import { Alert, Button, Space } from "antd";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import type { Problem } from "../api/problem";
import type { JsonObject } from "../api/types";
import { useSpeech } from "../language";
import { ProblemNote } from "../parts/ErrorView";
import type { Texts } from "../texts";
import { DateField } from "./DateField";
import { DivisionField } from "./DivisionField";
import { draftOf, keepDraft } from "./draft";
import { NumberField } from "./NumberField";
import { RadioField } from "./RadioField";
import { formLayout, formSchema, pruned, titleAt, withNeedsMarked } from "./schema";
import { Field, FieldGroup } from "./templates";
import { makeValidator } from "./validator";

const TEMPLATES = { FieldTemplate: Field, ObjectFieldTemplate: FieldGroup };
const WIDGETS = {
  DateWidget: DateField,
  DivisionWidget: DivisionField,
  NumberWidget: NumberField,
  RadioWidget: RadioField,
};

interface Props {
  /** Names the form among all that this person may have open; the draft is kept under it. */
  form: string;
  schema: JsonObject;
  /** Whether it opens a case: on one, a draft may have what is left out here. */
  opens: boolean;
  busy: boolean;
  problem: Problem | null;
  onSend: (input: JsonObject) => void;
  /** What was refused is being corrected. */
  onEdit: () => void;
  onDiscard: () => void;
  children?: ReactNode;
}

/** A scene's form. Labels, kinds and limits all come from the schema; nothing here knows what it is about. */
export function SceneForm({
  form,
  schema,
  opens,
  busy,
  problem,
  onSend,
  onEdit,
  onDiscard,
  children,
}: Props) {
  const { language, texts } = useSpeech();
  const plain = useMemo(() => formSchema(schema, language, opens), [schema, language, opens]);
  const shown = useMemo(() => withNeedsMarked(plain, texts.eitherOr), [plain, texts]);
  const layout = useMemo(() => formLayout(shown), [shown]);
  const validator = useMemo(() => makeValidator(texts, plain), [texts, plain]);
  const [data, setData] = useState<JsonObject>(() => draftOf(form) ?? {});
  const [restored] = useState(() => draftOf(form) !== undefined);
  const [wrong, setWrong] = useState(0);
  const told = useMemo(() => problem && inWordsOf(plain, problem), [problem, plain]);
  const pointed = useMemo(() => errorAt(problem, told, shown), [problem, told, shown]);
  const summary = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!problem) return;
    summary.current?.scrollIntoView({ block: "center" });
    summary.current?.focus({ preventScroll: true });
  }, [problem]);

  return (
    <>
      {restored && (
        <Alert
          type="info"
          showIcon
          role="status"
          title={texts.draftKept}
          action={
            <Button size="small" onClick={onDiscard}>
              {texts.draftDiscard}
            </Button>
          }
        />
      )}
      {shown.required && shown.required.length > 0 && <p className="quiet">{texts.requiredNote}</p>}
      <Form
        idPrefix="f"
        className="scene-form"
        schema={shown}
        uiSchema={layout}
        formData={data}
        validator={validator}
        disabled={busy}
        noHtml5Validate
        templates={TEMPLATES}
        widgets={WIDGETS}
        showErrorList={false}
        focusOnFirstError
        experimental_defaultFormStateBehavior={{ emptyObjectFields: "skipDefaults" }}
        translateString={(label, values) => engineText(label, values, texts)}
        {...(pointed ? { extraErrors: pointed } : {})}
        onChange={({ formData }) => {
          onEdit();
          setData(formData as JsonObject);
          keepDraft(form, formData as JsonObject);
        }}
        onError={(errors) => setWrong(errors.length)}
        onSubmit={({ formData }) => {
          setWrong(0);
          onSend(pruned(shown, formData) as JsonObject);
        }}
      >
        <div className="form-foot">
          {wrong > 0 && <Alert type="error" showIcon role="alert" title={texts.formErrors(wrong)} />}
          {told && (
            <div ref={summary} tabIndex={-1} className="form-problem">
              <ProblemNote problem={told} />
            </div>
          )}
          <Space wrap>
            <Button type="primary" size="large" htmlType="submit" loading={busy}>
              {busy ? texts.submitting : texts.submit}
            </Button>
            {children}
          </Space>
        </div>
      </Form>
    </>
  );
}

/** The path in the form that a refusal's `where` names, if it is a JSON pointer. */
const pathOf = ({ where }: Problem): string[] =>
  where
    .replace(/^\/input(?=\/)/, "")
    .split("/")
    .slice(1);

/** The refusal with the field's title in place of the pointer, where the form has that field. */
function inWordsOf(schema: RJSFSchema, problem: Problem): Problem {
  const title = titleAt(schema, pathOf(problem));
  if (!title) return problem;
  const { where } = problem;
  const message = problem.message.replace(`“${where}”`, where).replace(where, () => `“${title}”`);
  return { ...problem, message, where: title };
}

/** The server's `where`, when it is a JSON pointer into this form, as an error at that field. */
function errorAt(problem: Problem | null, told: Problem | null, schema: RJSFSchema): ErrorSchema | null {
  if (!problem || !told) return null;
  const path = pathOf(problem);
  const [first] = path;
  if (first === undefined || !schema.properties || !(first in schema.properties)) return null;
  return path.reduceRight<object>((inner, part) => ({ [part]: inner }), { __errors: [told.message] });
}

function engineText(label: TranslatableString, values: string[] | undefined, texts: Texts): string {
  switch (label) {
    case TranslatableString.AddButton:
    case TranslatableString.AddItemButton:
      return texts.add;
    case TranslatableString.RemoveButton:
      return texts.remove;
    case TranslatableString.YesLabel:
      return texts.yes;
    case TranslatableString.NoLabel:
      return texts.no;
    case TranslatableString.EmptyArray:
      return texts.empty;
    default:
      return englishStringTranslator(label, values);
  }
}
