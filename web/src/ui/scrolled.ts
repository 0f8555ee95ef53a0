import { useEffect, useState } from "react";

const FAR = 64;

/** Whether the page has been scrolled away from its top. */
export function useMainScrolled(): boolean {
  const [scrolled, setScrolled] = useState(false);
  useEffect(() => {
    const main = document.getElementById("main");
    if (!main) return;
    const look = () => setScrolled(main.scrollTop > FAR);
    main.addEventListener("scroll", look, { passive: true });
    return () => main.removeEventListener("scroll", look);
  }, []);
  return scrolled;
}
