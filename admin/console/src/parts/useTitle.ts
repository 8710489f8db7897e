import { useEffect } from "react";
import { useTexts } from "../language";

/** Names the page in the browser's tab and history. */
export function useTitle(title: string): void {
  const { product } = useTexts();
  useEffect(() => {
    document.title = title ? `${title} · ${product}` : product;
  }, [title, product]);
}
