import * as Radix from "@radix-ui/react-dialog";
import { type ReactElement, type ReactNode, cloneElement, useId, useRef } from "react";

interface Props {
  open: boolean;
  onClose: () => void;
  title: string;
  children: ReactNode;
  description?: string;
  /** A drawer stands at the right edge and leaves the list in sight. */
  drawer?: boolean;
  /** Only its buttons close it: what it shows is not shown again. */
  sturdy?: boolean;
}

export function Dialog({ open, onClose, title, description, children, drawer = false, sturdy = false }: Props) {
  const place = drawer
    ? "top-0 right-0 h-full w-full max-w-xl border-l"
    : "top-[8vh] left-1/2 max-h-[84vh] w-[min(560px,94vw)] -translate-x-1/2 rounded-md border";
  const opener = useRef<Element | null>(null);
  const wasOpen = useRef(false);
  // While the dialog is drawn, not after: a field that takes the focus at once would be taken for the opener.
  if (open && !wasOpen.current) opener.current = document.activeElement;
  wasOpen.current = open;
  const giveBack = (event: Event) => {
    event.preventDefault();
    if (opener.current instanceof HTMLElement && opener.current.isConnected) opener.current.focus();
  };
  const stay = (event: Event) => {
    if (sturdy) event.preventDefault();
  };
  return (
    <Radix.Root open={open} onOpenChange={(next) => (next ? undefined : onClose())}>
      <Radix.Portal>
        <Radix.Overlay className={`fixed inset-0 z-40 ${drawer ? "bg-black/20" : "bg-black/50"}`} />
        <Radix.Content
          className={`fixed z-50 overflow-y-auto border-control bg-panel p-4 shadow-xl ${place}`}
          onCloseAutoFocus={giveBack}
          onEscapeKeyDown={(event) => {
            // It closes the dialog, and clears no selection of the page behind it.
            event.stopPropagation();
            stay(event);
          }}
          onInteractOutside={stay}
          {...(description ? {} : { "aria-describedby": undefined })}
        >
          <div className="mb-3 flex items-start justify-between gap-3">
            <Radix.Title className="text-title font-semibold break-words">{title}</Radix.Title>
            {sturdy ? null : (
              <Radix.Close className="button-quiet -mt-1 -mr-1 shrink-0" aria-label="Close">
                ✕
              </Radix.Close>
            )}
          </div>
          {description ? <Radix.Description className="mb-3 text-muted">{description}</Radix.Description> : null}
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface FieldProps {
  label: string;
  hint?: string;
  /** Why what is written there can't be taken. */
  fault?: string;
  children: ReactElement<{ "aria-describedby"?: string; "aria-invalid"?: boolean }>;
}

/** A field is called by its label; the hint or what is wrong with it describes it. */
export function Field({ label, hint, fault, children }: FieldProps) {
  const id = useId();
  const said = fault ?? hint;
  const more = said ? { "aria-describedby": id, ...(fault ? { "aria-invalid": true } : {}) } : {};
  return (
    <div className={fault ? "[&_.field]:border-critical" : undefined}>
      <label className="block">
        <span className="mb-1 block text-meta font-medium">{label}</span>
        {said ? cloneElement(children, more) : children}
      </label>
      {said ? (
        <p id={id} role={fault ? "alert" : undefined} className={`mt-1 text-meta ${fault ? "text-critical" : "text-muted"}`}>
          {said}
        </p>
      ) : null}
    </div>
  );
}
