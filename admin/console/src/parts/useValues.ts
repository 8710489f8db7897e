import { useEffect, useState } from "react";
import { useClient } from "urql";
import { type Label, shapesOf } from "../api/shapes";

/** The values of an enumeration that the server knows, each with its names; none until they are there. */
export function useValues(name: string): Map<string, Label> {
  const client = useClient();
  const [values, setValues] = useState<Map<string, Label>>(new Map());
  useEffect(() => {
    let current = true;
    void shapesOf(client, name).then((shapes) => {
      if (current) setValues(shapes.get(name)?.values ?? new Map<string, Label>());
    });
    return () => {
      current = false;
    };
  }, [client, name]);
  return values;
}
