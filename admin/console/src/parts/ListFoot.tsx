import { Button, Skeleton } from "antd";
import { useTexts } from "../language";
import { ProblemNote } from "./ErrorView";
import type { Pages } from "./usePages";

/** Below a list: what is coming, what failed, and the way to more. */
export function ListFoot({ pages }: { pages: Pages<unknown> }) {
  const texts = useTexts();
  if (pages.loading)
    return (
      <div role="status" aria-label={texts.loading}>
        <Skeleton active paragraph={{ rows: 3 }} title={false} />
      </div>
    );
  if (pages.problem) return <ProblemNote problem={pages.problem} onRetry={pages.reload} />;
  if (!pages.hasMore) return null;
  return (
    <Button block onClick={pages.more}>
      {texts.loadMore}
    </Button>
  );
}
