-- Which flows were to make a consumer of a name: whose browser they were is erased with it.
CREATE INDEX flows_by_external_id ON flows (customer_id, consumer_external_id) WHERE consumer_external_id IS NOT NULL;
