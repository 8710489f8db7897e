import { useEffect, useState } from "react";
import { useClient } from "urql";
import { pathOf } from "../api/divisions";

/** A division by its full name, with the code; the code alone until the name is there. */
export function DivisionName({ code }: { code: string }) {
  const client = useClient();
  const [name, setName] = useState("");
  useEffect(() => {
    let current = true;
    void pathOf(client, code).then((path) => {
      if (current) setName(path.map((division) => division.name).join(" / "));
    });
    return () => {
      current = false;
    };
  }, [client, code]);
  return (
    <>
      {name} <span className="quiet">{code}</span>
    </>
  );
}
