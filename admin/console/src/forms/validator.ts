/** The form engine's validator: it interprets the schema.
 *
 * The engine's own validator compiles schemas to JavaScript, which our Content-Security-Policy forbids. The server
 * validates again in any case; this one only tells the person earlier, in their language.
 */

import { type OutputUnit, type Schema, validate } from "@cfworker/json-schema";
import {
  type ErrorTransformer,
  type RJSFSchema,
  type RJSFValidationError,
  toErrorSchema,
  type ValidationData,
  type ValidatorType,
} from "@rjsf/utils";
import type { Texts } from "../texts";
import { needsOf, pruned, titleAt } from "./schema";

/** Keywords that only say that something inside them failed. */
const STRUCTURAL = new Set([
  "properties",
  "items",
  "prefixItems",
  "$ref",
  "allOf",
  "then",
  "else",
  "if",
  "not",
]);

/** `form` is the whole form with its fields' plain titles. */
export function makeValidator(texts: Texts, form: RJSFSchema): ValidatorType {
  return {
    isValid: (schema: RJSFSchema, data: unknown, root: RJSFSchema) =>
      check(withDefinitions(schema, root), data).length === 0,
    // The engine hands this result to nobody but a caller that knows the validator; ours has none.
    rawValidation: (schema: RJSFSchema, data?: unknown) => ({ errors: check(schema, data) as never[] }),
    validateFormData: (
      data: unknown,
      schema: RJSFSchema,
      _custom?: unknown,
      transform?: ErrorTransformer,
    ): ValidationData<unknown> => {
      const filled = pruned(schema, data);
      const told = [
        ...toldOnce(check(schema, filled)).map((unit) => toError(unit, schema, texts)),
        ...unmet(form, filled, texts),
      ];
      const errors = transform ? transform(told) : told;
      return { errors, errorSchema: toErrorSchema(errors) };
    },
  };
}

function check(schema: RJSFSchema, data: unknown): OutputUnit[] {
  // What was never filled in is `undefined` to the form and absent to JSON.
  const value: unknown = data === undefined ? {} : JSON.parse(JSON.stringify(data));
  return validate(value, schema as Schema, "2020-12", undefined, false).errors;
}

const withDefinitions = (schema: RJSFSchema, root: RJSFSchema): RJSFSchema =>
  root.$defs && !schema.$defs ? { ...schema, $defs: root.$defs } : schema;

/** One error a place: what failed inside the branches of a choice is not the person's concern. */
function toldOnce(units: OutputUnit[]): OutputUnit[] {
  const choices = units.filter(({ keyword }) => keyword === "oneOf" || keyword === "anyOf");
  return units.filter(
    (unit) =>
      !STRUCTURAL.has(unit.keyword) &&
      !choices.some((choice) => unit.keywordLocation.startsWith(`${choice.keywordLocation}/`)),
  );
}

/** Of each either-or that nobody has filled in, an error at the first of its fields. */
function unmet(schema: RJSFSchema, data: unknown, texts: Texts): RJSFValidationError[] {
  const open = needsOf(schema).filter(
    (need) => need.length > 1 && need.every((path) => valueAt(data, path) === undefined),
  );
  return open.map((need) => {
    const property = (need[0] ?? []).map((part) => `.${part}`).join("");
    const message = texts.validation.oneNeeded(need.map((path) => titleAt(schema, path)));
    return { name: "required", property, message, stack: `${property} ${message}` };
  });
}

const valueAt = (data: unknown, path: string[]): unknown =>
  path.reduce<unknown>(
    (inner, step) =>
      typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[step] : undefined,
    data,
  );

function toError(unit: OutputUnit, schema: RJSFSchema, texts: Texts): RJSFValidationError {
  const path = segments(unit.instanceLocation);
  const missing = unit.keyword === "required" ? /"([^"]+)"/.exec(unit.error)?.[1] : undefined;
  const property = [...path, ...(missing === undefined ? [] : [missing])].map((part) => `.${part}`).join("");
  const message = sentence(unit.keyword, limitAt(schema, unit.keywordLocation), texts);
  return { name: unit.keyword, property, message, stack: `${property} ${message}` };
}

const segments = (pointer: string): string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));

/** The value of the keyword that failed, found by its address; `$ref` steps lead to what they name. */
function limitAt(root: RJSFSchema, location: string): unknown {
  let here: unknown = root;
  for (const part of segments(location)) {
    if (typeof here !== "object" || here === null) return undefined;
    here = (here as Record<string, unknown>)[part];
    if (part === "$ref" && typeof here === "string") here = limitAt(root, here);
  }
  return here;
}

function sentence(keyword: string, limit: unknown, texts: Texts): string {
  const say = texts.validation;
  switch (keyword) {
    case "required":
    case "dependentRequired":
      return say.required;
    case "oneOf":
    case "anyOf":
    case "enum":
    case "const":
      return say.choice;
    case "format":
      return limit === "date" ? say.date : say.format;
    case "maxLength":
    case "minLength":
    case "minimum":
    case "maximum":
    case "minItems":
    case "maxItems":
      return say[keyword](Number(limit));
    case "pattern":
    case "uniqueItems":
    case "type":
      return say[keyword];
    case "additionalProperties":
    case "unevaluatedProperties":
      return say.unknown;
    default:
      return say.other;
  }
}
