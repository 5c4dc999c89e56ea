/** Names that the bindings need for themselves. */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/u));

/** Members of the class that a resource or a data source becomes, in either library. */
export const reservedAtTop = words(`
  count depends_on for_each lifecycle provider connection provisioner provisioners constructor fqn to_string
  to_terraform to_hcl_terraform to_metadata add_override override_logical_id reset_override_logical_id raw_overrides
  friendly_unique_id cdktf_stack construct_node_metadata interpolation_for_attribute synthesize_attributes
  synthesize_hcl_attributes terraform_resource_type terraform_generator_metadata terraform_meta_arguments move_to_id
  move_from_id has_resource_move add_move_target build_moved_block build_moved_block_by_target add_resource_target
  get_resource_target with mark_write_only_attribute`);

/** Members of the class that a nested object becomes. */
export const reservedInside = words(`
  resolve internal_value is_empty_object resolvable_value terraform_resource terraform_attribute complex_object_index
  complex_object_is_from_set compute_fqn creation_stack fqn interpolation_as_list interpolation_for_attribute to_string
  constructor`);

/** Members of every object of JavaScript, which an attribute of an object type may not hide. */
export const reservedForObjects = words("value_of has_own_property is_prototype_of");

/** Attributes that get another name than users look for. */
export const renamedAttributes = words(
  "self build node system software tf_resource_type import_from move_to equals",
);

/** Resources that get another name than users look for. */
export const renamedResources = words(`
  provider string object function version license index break case catch class const continue debugger default delete
  do else enum export extends false finally for if import in instanceof new null return super switch this throw true
  try typeof var void while with implements interface let package private protected public static yield`);
