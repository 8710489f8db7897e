import { Button, Space } from "antd";
import { type ReactNode, useEffect, useRef } from "react";
import { useTexts } from "../language";

interface Props {
  title: string;
  busy: boolean;
  /** Whether all is there that confirming needs. */
  ready?: boolean;
  onConfirm: () => void;
  onCancel: () => void;
  children: ReactNode;
}

/** Asks before an act that can't be taken back.
 *
 * The browser's own dialog keeps the focus inside and gives it back; antd's writes a style without our nonce.
 */
export function Confirm({ title, busy, ready = true, onConfirm, onCancel, children }: Props) {
  const texts = useTexts();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="confirm"
      aria-labelledby="confirm-title"
      onCancel={(event) => {
        event.preventDefault();
        if (!busy) onCancel();
      }}
    >
      <h2 id="confirm-title">{title}</h2>
      {children}
      <Space className="confirm-foot">
        <Button onClick={onCancel} disabled={busy}>
          {texts.cancel}
        </Button>
        <Button type="primary" onClick={onConfirm} loading={busy} disabled={!ready}>
          {texts.confirm}
        </Button>
      </Space>
    </dialog>
  );
}
