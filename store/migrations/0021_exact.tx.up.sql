-- With transfers: so that a transaction which is one no longer, because the other account was deleted, say, cannot be the
-- one too many. What is there already is looked at when it changes.
ALTER TABLE account_months DROP CONSTRAINT account_months_exact;
ALTER TABLE account_months ADD CONSTRAINT account_months_exact CHECK (greatest(credit + transfer_credit, debit + transfer_debit)
  < 10::numeric ^ (19 - greatest(min_scale(credit), min_scale(debit), min_scale(transfer_credit), min_scale(transfer_debit)))) NOT VALID;
