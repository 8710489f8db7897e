/** The operations that stand by themselves, with the types of their answers. Those of a scene: scene.ts. */

import { gql } from "@urql/core";
import breakGlassText from "./operations/break_glass.graphql?raw";
import brokenGlassText from "./operations/broken_glass.graphql?raw";
import caseText from "./operations/case.graphql?raw";
import casesText from "./operations/cases.graphql?raw";
import divisionText from "./operations/division.graphql?raw";
import endGrantText from "./operations/end_grant.graphql?raw";
import findDivisionsText from "./operations/find_divisions.graphql?raw";
import inboxCountsText from "./operations/inbox_counts.graphql?raw";
import inboxText from "./operations/inbox.graphql?raw";
import inquirersText from "./operations/inquirers.graphql?raw";
import markReadText from "./operations/mark_read.graphql?raw";
import meText from "./operations/me.graphql?raw";
import nudgeText from "./operations/nudge.graphql?raw";
import revealText from "./operations/reveal.graphql?raw";
import reviewGlassText from "./operations/review_glass.graphql?raw";
import signText from "./operations/sign.graphql?raw";
import timelineText from "./operations/timeline.graphql?raw";
import unsealText from "./operations/unseal.graphql?raw";
import type {
  ActResult,
  Case,
  CaseSummary,
  Connection,
  DivisionBelow,
  GlassBroken,
  InboxCount,
  InboxItem,
  Me,
  Organ,
  SceneSummary,
  TimelineEvent,
  Unsealed,
  UnsealRequest,
} from "./types";

export interface Paging {
  first: number;
  after: string | null;
}

export interface CasesFilter {
  scene: string | null;
  search: string | null;
  open: boolean | null;
}

export const ME = gql<{ me: Me; scenes: SceneSummary[] }, Record<string, never>>(meText);
export const INBOX = gql<{ inbox: Connection<InboxItem> }, Paging & { waits: string | null }>(inboxText);
export const INBOX_COUNTS = gql<{ inbox: { counts: InboxCount[] } }, Record<string, never>>(inboxCountsText);
export const CASES = gql<{ cases: Connection<CaseSummary> }, Paging & CasesFilter>(casesText);
export const CASE = gql<{ case: Case | null }, { id: string }>(caseText);
export const TIMELINE = gql<
  { case: { timeline: Connection<TimelineEvent> } | null },
  Paging & { id: string }
>(timelineText);
export const DIVISION = gql<{ region: DivisionBelow }, { code: string }>(divisionText);
export const FIND_DIVISIONS = gql<{ regions: DivisionBelow[] }, { search: string }>(findDivisionsText);
export const MARK_READ = gql<
  { letters: { markRead: Pick<ActResult, "replayed"> } },
  { item: string; key: string }
>(markReadText);
export const SIGN = gql<{ letters: { sign: ActResult } }, { letter: string; key: string }>(signText);
export const NUDGE = gql<
  { supervision: { nudge: Pick<ActResult, "replayed"> | null } },
  { case: string; reason: string; key: string }
>(nudgeText);
export const REVEAL = gql<
  { access: { revealCase: Pick<ActResult, "replayed"> } },
  { case: string; reason: string; fields: string[] | null; note: string; key: string }
>(revealText);
export const BREAK_GLASS = gql<
  { access: { breakGlass: Pick<ActResult, "case" | "replayed"> } },
  { case: string | null; number: string | null; reason: string; note: string; key: string }
>(breakGlassText);
export const BROKEN_GLASS = gql<{ access: { brokenGlass: GlassBroken[] } }, Record<string, never>>(
  brokenGlassText,
);
export const REVIEW_GLASS = gql<
  { access: { reviewBreakGlass: Pick<ActResult, "replayed"> } },
  { glass: string; finding: string; key: string }
>(reviewGlassText);
export const INQUIRERS = gql<{ access: { inquirers: Organ[] } }, { division: string }>(inquirersText);
export const UNSEAL = gql<
  { access: { unseal: { replayed: boolean; output: Unsealed } | null } },
  UnsealRequest & { key: string }
>(unsealText);
export const END_GRANT = gql<
  { access: { endGrant: Pick<ActResult, "replayed"> | null } },
  { grant: string; key: string }
>(endGrantText);
