/** The shapes that the operations answer; tests/browser holds operations/*.graphql against the committed SDL. */

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = Record<string, Json>;

export interface Region {
  code: string;
  name: string;
}

export interface Division extends Region {
  level: string;
}

/** A division and those above it, as far as there are any. */
export interface DivisionBelow extends Division {
  parent?: DivisionBelow | null;
}

export interface Organ {
  id: string;
  name: string;
}

export interface Me {
  id: string;
  login: string;
  name: string;
  department: string;
  title: string;
  duties: string[];
  organ: Organ & { region: { code: string } };
}

export interface SceneSummary {
  id: string;
  title: string;
}

export interface State {
  id: string;
  title: string;
  track: string | null;
}

export interface Action {
  name: string;
  title: string;
  namespace: string;
  inputSchema: JsonObject;
  letter: string | null;
}

export interface Evidence {
  id: string;
  step: string;
  positive: boolean;
  at: string;
  record: Json;
  signature: string;
}

export interface Letter {
  id: string;
  kind: string;
  number: string | null;
  title: string;
  from: Organ;
  to: Organ;
  department: string;
  role: string;
  copyOf: string | null;
  basis: string;
  state: string;
  replyBy: string | null;
  acceptedAt: string;
  deliveredAt: string | null;
  signedAt: string | null;
  repliedAt: string | null;
  documentUrl: string | null;
  maySign: boolean;
  evidence: Evidence[];
}

export interface Deadline {
  id: string;
  kind: string;
  title: string;
  state: string;
  organ: Organ | null;
  startedAt: string;
  dueAt: string;
  metAt: string | null;
  explanation: string;
  article: string;
}

export interface CaseOrgan {
  organ: Organ;
  role: string;
}

export interface CaseSummary {
  id: string;
  title: string;
  scene: SceneSummary;
  region: Region;
  states: State[];
  nextDueAt: string | null;
  createdAt: string;
  updatedAt: string;
  closedAt: string | null;
}

export interface Case extends CaseSummary {
  scene: SceneSummary & { version: string };
  sealedAt: string | null;
  rowVersion: number;
  role: string;
  actions: Action[];
  letters: Letter[];
  deadlines: Deadline[];
  organs: CaseOrgan[];
  detail: { __typename: string } | null;
  masked: string[];
  revealable: { pointer: string; level: string }[];
  revealedUntil: string | null;
  documentsMasked: boolean;
  mayNudge: boolean;
  /** When it closes again to who reads it by broken glass or an opening by law alone. */
  openUntil: string | null;
  /** From when who must act may be nudged again; null while somebody may be nudged, and for who doesn't supervise. */
  nudgedUntil: string | null;
  /** `reason` is null in another supervisor's. */
  nudges: { id: string; at: string; from: Organ; to: Organ; reason: string | null }[];
}

/** A breaking of the glass; `caseId` is null for who is shown no case. */
export interface GlassBroken {
  id: string;
  at: string;
  until: string;
  organ: string;
  login: string;
  reason: string;
  note: string;
  finding: string | null;
  caseId: string | null;
}

/** What the opening of a sealed case takes. */
export interface UnsealRequest {
  case: string;
  ground: string;
  requestNumber: string;
  requester: string;
  department: string | null;
  purpose: string;
  days: number;
}

/** A sealed case that was opened; `grant` is a uuid. */
export interface Unsealed {
  grant: string;
  until: string;
}

export interface TimelineEvent {
  id: string;
  seq: number;
  title: string;
  at: string;
  organ: Organ | null;
  role: string;
  byDeputy: boolean;
  states: State[];
  leafHash: string;
}

export interface InboxItem {
  id: string;
  waits: string;
  at: string;
  dueAt: string | null;
  caseId: string;
  caseTitle: string;
  region: Region;
  letter: Pick<Letter, "id" | "title" | "number" | "basis" | "from" | "copyOf"> | null;
  deadline: Pick<Deadline, "id" | "title" | "article" | "explanation"> | null;
}

/** How many items wait for the same thing: more than `count` where it is not exact. */
export interface InboxCount {
  waits: string;
  count: number;
  exact: boolean;
}

export interface Connection<T> {
  nodes: T[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

export interface ActResult {
  case: { id: string } | null;
  replayed: boolean;
  existing: boolean;
}
