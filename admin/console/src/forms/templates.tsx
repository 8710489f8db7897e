/** How the engine lays out a form: groups as fieldsets, short fields side by side, choices named as groups. */

import { Templates } from "@rjsf/antd";
import type { ComponentType } from "react";
import type { FieldTemplateProps, ObjectFieldTemplateProps, RJSFSchema, UiSchema } from "@rjsf/utils";

// The theme brings every template, though its type says that any may be missing.
const AntdField = Templates.FieldTemplate as ComponentType<FieldTemplateProps>;

/** One group of fields. The outermost has no title of its own: the page's heading is its title. */
export function FieldGroup({ title, schema, properties, fieldPathId, uiSchema }: ObjectFieldTemplateProps) {
  const fields = properties
    .filter(({ hidden }) => !hidden)
    .map(({ name, content }) => (
      <div key={name} className={isWide(schema, uiSchema ?? {}, name) ? "field-wide" : ""}>
        {content}
      </div>
    ));
  if (!title) return <div className="fields">{fields}</div>;
  return (
    <fieldset id={fieldPathId.$id}>
      <legend>{title}</legend>
      {schema.description && <p className="quiet">{schema.description}</p>}
      <div className="fields">{fields}</div>
    </fieldset>
  );
}

function isWide(schema: RJSFSchema, layout: UiSchema, name: string): boolean {
  const part = schema.properties?.[name];
  if (typeof part !== "object") return true;
  const widget: unknown = (layout[name] as UiSchema | undefined)?.["ui:widget"];
  return part.type === "object" || part.type === "array" || widget === "textarea";
}

/** One field: label, widget, description, errors. */
export function Field(props: FieldTemplateProps) {
  if (props.schema.type === "object" && !props.hidden) return props.children;
  if (props.uiSchema?.["ui:widget"] === "checkboxes")
    return (
      // A label can point to one box only; of several boxes it is the group's name.
      <div role="group" aria-label={props.label}>
        <AntdField {...props} />
      </div>
    );
  return <AntdField {...props} />;
}
