import { useState } from "react";
import { useClient } from "urql";
import { SIGN } from "../api/operations";
import { type Problem, problemOf, unexpectedProblem } from "../api/problem";
import { camel } from "../api/names";
import { actOperation, asksNothing, type Form } from "../api/scene";
import type { Action, ActResult, Case, JsonObject } from "../api/types";
import { forgetDraft, keyOf } from "../forms/draft";
import { useTexts } from "../language";

type Doable = Form & Partial<Pick<Action, "letter">>;

/** What a form is called among all that one person may have open. */
export const formName = (action: Doable, shown: Case | null): string =>
  action.letter
    ? `letters.sign.${action.letter}`
    : `${action.namespace}.${action.name}.${shown?.id ?? "new"}`;

/** Takes an action once: the same key goes with every attempt until one is answered with success. */
export function useAct() {
  const client = useClient();
  const texts = useTexts();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  const send = async (action: Doable, shown: Case | null, input: JsonObject, key: string) => {
    if (action.letter) {
      const { data, error } = await client.mutation(SIGN, { letter: action.letter, key }).toPromise();
      return { result: data?.letters.sign, error };
    }
    const asks = !asksNothing(action.inputSchema);
    const variables = {
      key,
      ...(asks ? { input } : {}),
      ...(shown ? { case: shown.id, rowVersion: shown.rowVersion } : {}),
    };
    const operation = actOperation(action, shown !== null, asks);
    const { data, error } = await client.mutation(operation, variables).toPromise();
    return { result: data?.[action.namespace]?.[camel(action.name)], error };
  };

  const act = async (action: Doable, shown: Case | null, input: JsonObject): Promise<ActResult | null> => {
    const form = formName(action, shown);
    setBusy(true);
    setProblem(null);
    const { result, error } = await send(action, shown, input, keyOf(form));
    setBusy(false);
    if (result) {
      forgetDraft(form);
      return result;
    }
    setProblem(error ? problemOf(error, texts) : unexpectedProblem(texts, "empty"));
    return null;
  };

  return { act, busy, problem, clear: () => setProblem(null) };
}
