import { Skeleton } from "antd";
import { useTexts } from "../language";

export function Loading() {
  const texts = useTexts();
  return (
    <div className="page" role="status" aria-label={texts.loading}>
      <Skeleton active paragraph={{ rows: 6 }} />
    </div>
  );
}
