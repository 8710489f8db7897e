/** Divisions (行政区划), asked for level by level; a level is always had whole. */

import { type Client, gql } from "@urql/core";
import { DIVISION, FIND_DIVISIONS } from "./operations";
import type { Division, DivisionBelow } from "./types";

/** The divisions right below each code; the provinces stand under `TOP`. */
export type Levels = ReadonlyMap<string, Division[]>;

export const TOP = "";

/** Of the up to 50 that a search finds, so many are looked into; the server bounds the aliases of one query. */
const FOUND_AT_ONCE = 15;
const CODE = /^\d{6}$/;

// The tree changes a few times a year: what has been read once will do for the session.
const CACHED = { requestPolicy: "cache-first" } as const;

/** The levels below these codes, those that could be had. */
export async function levelsBelow(client: Client, codes: string[]): Promise<Levels> {
  const wanted = [...new Set(codes)].filter((code) => code === TOP || CODE.test(code));
  const fields = wanted.map(
    (code, index) => `l${index}: regions${code && `(parent: "${code}")`} { code name level }`,
  );
  if (fields.length === 0) return new Map();
  const operation = gql<Record<string, Division[]>, Record<string, never>>(
    `query Levels { ${fields.join(" ")} }`,
  );
  const { data } = await client.query(operation, {}, CACHED).toPromise();
  return new Map(wanted.flatMap((code, index) => (data ? [[code, data[`l${index}`] ?? []] as const] : [])));
}

/** A division and those above it, the province first; nothing for a code that is none. */
export async function pathOf(client: Client, code: string): Promise<Division[]> {
  if (!CODE.test(code)) return [];
  const { data } = await client.query(DIVISION, { code }, CACHED).toPromise();
  return data ? pathFrom(data.region) : [];
}

/** The codes whose levels lead to the first `FOUND_AT_ONCE` that a search finds, down to the counties of a city. */
export async function codesToward(client: Client, search: string): Promise<string[]> {
  const { data } = await client.query(FIND_DIVISIONS, { search }, CACHED).toPromise();
  return (data?.regions ?? []).slice(0, FOUND_AT_ONCE).flatMap((found) => {
    const codes = pathFrom(found).map(({ code }) => code);
    return found.level === "county" ? codes.slice(0, -1) : codes;
  });
}

function pathFrom(division: DivisionBelow): Division[] {
  return [...(division.parent ? pathFrom(division.parent) : []), division];
}
