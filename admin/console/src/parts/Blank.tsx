import { InboxOutlined } from "@ant-design/icons";
import type { ReactNode } from "react";

/** Nothing to show, and why. */
export function Blank({ title, hint, children }: { title: string; hint: string; children?: ReactNode }) {
  return (
    <div className="blank" role="status">
      <InboxOutlined aria-hidden />
      <p className="blank-title">{title}</p>
      <p className="quiet">{hint}</p>
      {children}
    </div>
  );
}
